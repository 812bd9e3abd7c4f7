"""Data sets of small images by name: MNIST, Fashion-MNIST, and the digits that ship with scikit-learn.

Files are looked for offline first: in the folder that was named, in ``$CNN_PHYSICS77_DATA``, in the
checkout's ``data/``, in the user's cache; only then are public mirrors asked, one after another, and the
cache filled. Every file is compared with its SHA-256 wherever it lies; one that differs is an error, never
passed over.

Reading needs NumPy alone. Mirrors and the cache need pooch and platformdirs, the digits scikit-learn: the
extra ``data``. They are imported when needed, not before.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .core.data import read_idx
from .core.errors import DataError

NAMES = ("auto", "mnist", "fashion-mnist", "digits")
VARIABLE = "CNN_PHYSICS77_DATA"
INSTALL = 'pip install "cnn_physics77[data]"'


@dataclass(frozen=True)
class _File:
    name: str
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class _Source:
    """Where the four files of an MNIST-like data set come from."""

    title: str
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]  # folders, tried in this order
    files: tuple[_File, ...]  # training images, training labels, test images, test labels


def _files(*rows: tuple[int, str]) -> tuple[_File, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(_File(f"{name}-ubyte.gz", *row) for name, row in zip(names, rows, strict=True))


SOURCES = {
    "mnist": _Source(
        title="MNIST",
        classes=tuple("0123456789"),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://raw.githubusercontent.com/fgnt/mnist/master/",
        ),
        files=_files(
            (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
    ),
    # H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv:1708.07747
    "fashion-mnist": _Source(
        title="Fashion-MNIST",
        classes=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        mirrors=(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        files=_files(
            (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
    ),
}


class _Unavailable(DataError):
    """The data cannot be had here; what was tried is in the message. Nothing was found damaged."""


@dataclass(frozen=True)
class ImageData:
    """Training and test images of one data set.

    Images are uint8 of shape (N, 1, 28, 28), 0 background to 255; labels are int64 of shape (N,).
    """

    name: str
    title: str  # for the screen and titles of plots; says so when the data stand in for others
    fallback: bool  # True when the data stand in for MNIST, which could not be had
    source: str  # where the files were found
    sha256: dict[str, str]  # file -> hash as found
    classes: tuple[str, ...]
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    notes: list[str] = field(default_factory=list)  # what a user should be told


def _import(module: str, purpose: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _Unavailable(f"{purpose} needs the package {error.name or module}: {INSTALL}") from None


def _check_folder(folder: Path, whose: str) -> Path:
    if not folder.is_dir():
        raise DataError(
            f"data: {whose} names {folder}, which is not a folder; "
            "correct it, or leave it out to search elsewhere"
        )
    return folder


def _folders(name: str, data_dir: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Folders that may hold the files of `name`, in the order of search, without the cache."""
    roots = []
    if data_dir is not None:
        roots.append(_check_folder(Path(data_dir), "--data_dir"))
    if os.environ.get(VARIABLE):
        roots.append(_check_folder(Path(os.environ[VARIABLE]), f"${VARIABLE}"))
    for root in roots:
        yield from (root / name, root)
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file():  # not so when installed
        yield checkout / "data" / name


def cache_folder(name: str) -> Path:
    """The folder of the user's cache that downloads of data set `name` are kept in.

    Raises:
        DataError: platformdirs is not installed.
    """
    return _import("platformdirs", "the cache").user_cache_path("cnn_physics77") / "data" / name


def _verify(path: Path, file: _File) -> str:
    """The SHA-256 of the file at `path`; DataError unless it is the expected one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"data: {path}: cannot be read ({error.strerror or error}); repair or remove it"
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        state = "truncated" if len(content) < file.size else "altered"
        raise DataError(
            f"data: {path} is {state}: expected SHA-256 {file.sha256} ({file.size} bytes), found {found} "
            f"({len(content)} bytes); remove the file or replace it by the original"
        )
    return found


def _download(source: _Source, missing: list[_File], folder: Path, progress: Any, notes: list[str]) -> None:
    """Fetch files into the cache, each from the first mirror that has it whole."""
    pooch = _import("pooch", "downloading")
    pooch.get_logger().setLevel("ERROR")  # what happens is said by our own notes
    downloader = pooch.HTTPDownloader(progressbar=progress, timeout=(5, 60))
    mirrors = list(source.mirrors)
    failures: list[str] = []
    altered = False
    for file in missing:
        for mirror in list(mirrors):
            try:
                pooch.retrieve(mirror + file.name, file.sha256, file.name, folder, downloader=downloader)
            except ValueError as error:  # pooch's word for a wrong hash; it has removed the file
                altered = True
                failures.append(f"{mirror}{file.name} is not the original ({str(error).splitlines()[0]})")
            except Exception as error:  # network, name resolution, HTTP status, disk: try the next one
                failures.append(f"{mirror}: {type(error).__name__}")
                mirrors.remove(mirror)
            else:
                notes.append(f"downloaded {mirror}{file.name} to {folder}")
                break
        else:
            tried = "mirrors: " + "; ".join(failures)
            raise DataError(f"data: {tried}") if altered else _Unavailable(tried)
    notes += failures  # a mirror that served something else is told even though another one helped


def _locate(
    name: str, data_dir: str | os.PathLike[str] | None, download: bool, progress: Any, notes: list[str]
) -> list[Path]:
    """Verified paths of the four files of `name`; _Unavailable with everything that was tried."""
    source = SOURCES[name]
    folders = list(_folders(name, data_dir))
    tried = [f"{folder}: not there" for folder in folders]
    cache = None
    try:
        cache = cache_folder(name)
        folders.append(cache)
        tried.append(f"{cache}: not there")
    except _Unavailable as error:
        tried.append(str(error))

    def found(file: _File) -> Path | None:
        candidates = (folder / file.name for folder in folders)
        return next((path for path in candidates if os.path.lexists(path)), None)

    paths = {file: found(file) for file in source.files}
    for file, path in paths.items():
        if path is not None:
            _verify(path, file)  # before anything is downloaded
    missing = [file for file, path in paths.items() if path is None]
    if missing:
        if len(missing) < len(source.files):
            tried.append("missing: " + ", ".join(file.name for file in missing))
        try:
            if not download:
                raise _Unavailable("mirrors: not asked")
            if cache is None:
                raise _Unavailable("mirrors: not asked without a cache")
            _download(source, missing, cache, progress, notes)
        except _Unavailable as error:
            raise _Unavailable("; ".join([*tried, str(error)])) from None
        paths |= {file: cache / file.name for file in missing}
    return [path for path in paths.values() if path is not None]


def _idx_data(name: str, paths: list[Path], notes: list[str]) -> ImageData:
    source = SOURCES[name]
    hashes = {file.name: _verify(path, file) for path, file in zip(paths, source.files, strict=True)}
    train_images, train_labels, test_images, test_labels = (read_idx(path) for path in paths)
    return ImageData(
        name=name,
        title=source.title,
        fallback=False,
        source=", ".join(dict.fromkeys(str(path.parent) for path in paths)),
        sha256=hashes,
        classes=source.classes,
        train_images=train_images[:, None],
        train_labels=train_labels.astype(np.int64),
        test_images=test_images[:, None],
        test_labels=test_labels.astype(np.int64),
        notes=notes,
    )


def enlarge(images: np.ndarray) -> np.ndarray:
    """Bring digits of 8 x 8 pixels, 0 to 16, to uint8 of 28 x 28, 0 to 255.

    Each image becomes 24 x 24 by linear interpolation between pixel centres (edge values continue outwards),
    and gets two pixels of background on each side, so that the digit sits in its frame about as MNIST's do.

    Args:
        images: (N, 8, 8), any real dtype.
    Returns:
        uint8 array of shape (N, 28, 28).

    >>> enlarge(np.full((1, 8, 8), 16.0))[0, 1:4, 12]
    array([  0, 255, 255], dtype=uint8)
    """
    small, large = 8, 24
    centres = np.clip((np.arange(large) + 0.5) * small / large - 0.5, 0, small - 1)
    # hat functions on the small grid: row i holds the weights of the small pixels in large pixel i
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(small)))
    scaled = weights @ (np.asarray(images, np.float64) * (255 / 16)) @ weights.T
    return np.pad(np.rint(scaled).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))


def _digits() -> ImageData:
    """The 1797 digits of the UCI test set that scikit-learn carries: 1500 for training, 297 for testing.

    The set is ordered by writer, so hardly any writer is in both parts.
    """
    datasets = _import("sklearn.datasets", "the digits of scikit-learn")
    bunch = datasets.load_digits()
    images, labels = enlarge(bunch.images)[:, None], bunch.target.astype(np.int64)
    train = 1500
    return ImageData(
        name="digits",
        title="digits (scikit-learn, enlarged to 28x28)",
        fallback=False,
        source=f"scikit-learn {importlib.import_module('sklearn').__version__}",
        sha256={"images and labels": hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()},
        classes=tuple("0123456789"),
        train_images=images[:train],
        train_labels=labels[:train],
        test_images=images[train:],
        test_labels=labels[train:],
    )


def load(
    name: str = "auto",
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    progress: Any = False,
) -> ImageData:
    """Load a data set by name, verified.

    Args:
        name: ``mnist``, ``fashion-mnist``, ``digits``, or ``auto``: MNIST, and where it cannot be had, the
            digits of scikit-learn in its place, with `fallback` set and the title saying so.
        data_dir: first place to look, either the folder of the files or one with a folder of the set's name.
        download: whether mirrors may be asked.
        progress: given to pooch: True (needs tqdm) or an object with `total`, `update`, `reset` and `close`.
    Raises:
        DataError: an unknown name, a file that is truncated or altered (with its path, the expected and the
            found hash), a named folder that does not exist, or data that cannot be had (with what was tried).

    >>> data = load("mnist", download=False)
    >>> data.train_images.shape, data.test_labels[:3]
    ((60000, 1, 28, 28), array([7, 2, 1]))
    """
    if name not in NAMES:
        raise DataError(f"data: expected a data set among {', '.join(NAMES)}, found {name!r}")
    if name == "digits":
        try:
            return _digits()
        except _Unavailable as error:
            raise DataError(f"data: {error}") from None
    wanted, notes = ("mnist" if name == "auto" else name), list[str]()
    try:
        return _idx_data(wanted, _locate(wanted, data_dir, download, progress, notes), notes)
    except _Unavailable as error:
        tried = str(error)
    advice = (
        f"put the four files of {SOURCES[wanted].title} into a folder and name it with --data_dir "
        f"or ${VARIABLE}, or install what fetches them: {INSTALL}"
    )
    if name != "auto":
        raise DataError(f"data: {SOURCES[wanted].title} cannot be had; tried {tried}; {advice}")
    try:
        digits = _digits()
    except _Unavailable as error:
        raise DataError(
            f"data: MNIST cannot be had, nor its stand-in; tried {tried}; {error}; {advice}"
        ) from None
    changes = {
        "title": "digits of scikit-learn enlarged to 28x28, NOT MNIST",
        "fallback": True,
        "notes": [*notes, f"MNIST cannot be had; tried {tried}; {advice}"],
    }
    return ImageData(**(vars(digits) | changes))
