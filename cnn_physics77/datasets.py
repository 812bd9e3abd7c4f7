"""Data sets of small images by name: MNIST, Fashion-MNIST, and the digits that ship with scikit-learn.

Files are searched offline first: in the named folder, in ``$CNN_PHYSICS77_DATA``, in the checkout's
``data/``, and in the user's cache. Only then are they downloaded to the cache from public mirrors, which are
tried one after another. A named folder may contain the files as published, uncompressed, under Kaggle's names
(``train-images.idx3-ubyte``), or in torchvision's folders (``MNIST/raw``), in upper or lower case. If a
folder is named and the files are found elsewhere, a note says what was searched for in the folder and what
was found.

The SHA-256 of every file is verified; a file that differs is an error.

Reading needs only NumPy. The mirrors and the cache need pooch and platformdirs, and the digits need
scikit-learn: the extra ``data``. They are imported when they are needed.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .core.data import entries, find_idx, read_idx, subfolders
from .core.errors import DataError

NAMES = ("auto", "mnist", "fashion-mnist", "digits")
VARIABLE = "CNN_PHYSICS77_DATA"
INSTALL = 'pip install "cnn_physics77[data]"'


@dataclass(frozen=True)
class _File:
    """A file of a data set, in its published (compressed) and its uncompressed form."""

    name: str
    size: int  # bytes
    sha256: str
    content_size: int | None = None  # bytes when uncompressed
    content_sha256: str | None = None  # of the uncompressed file; None if it is not known


@dataclass(frozen=True)
class _Source:
    """The sources of the four files of an MNIST-like data set."""

    title: str
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]  # folders, tried in this order
    files: tuple[_File, ...]  # training images, training labels, test images, test labels
    layouts: tuple[
        str, ...
    ] = ()  # folders in which other programs store the files, relative to a named folder


def _files(*rows: tuple[Any, ...]) -> tuple[_File, ...]:
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
            (
                9912422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                47040016,
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            (
                28881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                60008,
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            (
                1648877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                7840016,
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            (
                4542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                10008,
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
        layouts=("MNIST/raw", "MNIST"),
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
            (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 47040016),
            (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 60008),
            (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 7840016),
            (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 10008),
        ),
        layouts=("FashionMNIST/raw", "FashionMNIST", "data/fashion"),
    ),
}


class _Unavailable(DataError):
    """The data are not available, and nothing is damaged. The message says what was tried."""


@dataclass(frozen=True)
class ImageData:
    """Training and test images of one data set.

    Images are uint8 of shape (N, 1, 28, 28), 0 background to 255; labels are int64 of shape (N,).
    """

    name: str
    title: str  # for the screen and plots; says if the data replace others
    fallback: bool  # whether the data replace MNIST, which was not available
    source: str  # where the files were found
    sha256: dict[str, str]  # file -> hash as found
    classes: tuple[str, ...]
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    notes: list[str] = field(default_factory=list)  # messages for the user


def _import(module: str, purpose: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _Unavailable(f"{purpose} needs the package {error.name or module}: {INSTALL}") from None


def _named_folders(data_dir: str | os.PathLike[str] | None) -> Iterator[tuple[str, Path]]:
    """The folders that the user has named, each with the name of the option or variable."""
    for whose, name in (("--data_dir", data_dir), (f"${VARIABLE}", os.environ.get(VARIABLE) or None)):
        if name is None:
            continue
        folder = Path(name).expanduser()
        if not folder.is_dir():
            found = "a file" if folder.exists() else "a broken link" if folder.is_symlink() else "nothing"
            raise DataError(
                f"data: {whose} names {folder}: expected a folder, found {found}; name the folder that holds "
                "the files, or leave it out to search elsewhere"
            )
        yield whose, folder


def _search(root: Path, name: str) -> dict[_File, Path]:
    """The files of data set `name` in a named folder, or in the usual folders below it."""
    source = SOURCES[name]
    layouts = (name, *source.layouts, "", "raw")
    found: dict[_File, Path] = {}
    for folder in (folder for layout in layouts for folder in subfolders(root, layout)):
        for file in source.files:
            if file not in found and (path := find_idx(folder, file.name)) is not None:
                found[file] = path
    return found


def _missing_from(whose: str, root: Path, name: str, missing: list[_File]) -> str:
    """The note about a named folder without all files: what was searched for, and what was found."""
    source, names = SOURCES[name], entries(root)
    layouts = ", ".join(dict.fromkeys((name, *source.layouts, "raw")))
    looked_for = ", ".join(file.name.removesuffix(".gz") for file in missing)
    found = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    which = "none" if len(missing) == len(source.files) else "not all"
    return (
        f"{whose} names {root}, which holds {which} of the files of {source.title}: looked for {looked_for} "
        f"(with or without .gz, also as .idx; also in its folders {layouts}), found {found or 'nothing'}"
    )


def cache_folder(name: str) -> Path:
    """The folder of the user's cache for downloads of data set `name`.

    Raises:
        DataError: platformdirs is not installed.
    """
    return _import("platformdirs", "the cache").user_cache_path("cnn_physics77") / "data" / name


def _content(raw: bytes) -> bytes | None:
    """The uncompressed bytes; None if the compressed data are damaged."""
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error):
        return None


def _owner(sha256: str) -> str | None:
    """The known file that has this hash."""
    for source in SOURCES.values():
        for file in source.files:
            if sha256 in (file.sha256, file.content_sha256):
                return f"{file.name} of {source.title}"
    return None


def _verify(path: Path, file: _File, notes: list[str]) -> str:
    """The SHA-256 of the file at `path`; DataError unless it or its uncompressed content is the original."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"data: {path}: cannot be read ({error.strerror or error}); repair or remove it"
        ) from None
    found = hashlib.sha256(raw).hexdigest()
    if found == file.sha256:
        return found
    content = _content(raw)
    if content is not None and file.content_sha256 is not None:
        if hashlib.sha256(content).hexdigest() == file.content_sha256:  # uncompressed, or compressed again
            return found
    elif content is raw and len(raw) == file.content_size:
        notes.append(f"{path}: read without verification, as no SHA-256 is known of the file uncompressed")
        return found
    compressed = content is not raw
    size = (file.size if compressed else file.content_size) or 1
    state = _owner(found) or ("truncated" if len(raw) < size else "altered")
    expected = f"SHA-256 {file.sha256} ({file.size} bytes)"
    if not compressed and file.content_size is not None:
        expected += f", or uncompressed {file.content_sha256 or 'any'} ({file.content_size} bytes)"
    raise DataError(
        f"data: {path} is {state}: expected {expected}, found {found} ({len(raw)} bytes); remove the file or "
        "replace it by the original"
    )


def _download(source: _Source, missing: list[_File], folder: Path, progress: Any, notes: list[str]) -> None:
    """Download files to the cache, each from the first mirror that has an intact one."""
    pooch = _import("pooch", "downloading")
    pooch.get_logger().setLevel("ERROR")  # our own notes say what happens
    downloader = pooch.HTTPDownloader(progressbar=progress, timeout=(5, 60))
    mirrors = list(source.mirrors)
    failures: list[str] = []
    altered = False
    for file in missing:
        for mirror in list(mirrors):
            try:
                pooch.retrieve(mirror + file.name, file.sha256, file.name, folder, downloader=downloader)
            except ValueError as error:  # pooch raises it for a wrong hash, and has removed the file
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
    notes += failures  # a mirror with a wrong file is reported even if another mirror had the right one


def _locate(
    name: str, data_dir: str | os.PathLike[str] | None, download: bool, progress: Any, notes: list[str]
) -> list[Path]:
    """Verified paths of the four files of `name`; raises _Unavailable with everything that was tried."""
    source = SOURCES[name]
    paths: dict[_File, Path] = {}
    tried: list[str] = []

    def missing() -> list[_File]:
        return [file for file in source.files if file not in paths]

    for whose, root in _named_folders(data_dir):
        wanted = missing()
        found = _search(root, name)
        paths = found | paths
        if lacking := [file for file in wanted if file not in found]:
            tried.append(_missing_from(whose, root, name, lacking))
    named = len(tried)  # later entries are not about named folders
    folders = []
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file():  # not in an installed package
        folders.append(checkout / "data" / name)
    cache = None
    try:
        cache = cache_folder(name)
        folders.append(cache)
    except _Unavailable as error:
        tried.append(str(error))
    for folder in folders:
        for file in missing():
            if (path := find_idx(folder, file.name)) is not None:
                paths[file] = path
        if missing():
            tried.append(f"{folder}: not found")
    for file, path in paths.items():
        _verify(path, file, [])  # before anything is downloaded
    if absent := missing():
        if len(absent) < len(source.files):
            tried.append("missing: " + ", ".join(file.name for file in absent))
        try:
            if not download:
                raise _Unavailable("mirrors: not asked")
            if cache is None:
                raise _Unavailable("mirrors: not asked without a cache")
            _download(source, absent, cache, progress, notes)
        except _Unavailable as error:
            raise _Unavailable("; ".join([*tried, str(error)])) from None
        paths |= {file: cache / file.name for file in absent}
    places = ", ".join(dict.fromkeys(str(paths[file].parent) for file in source.files))
    notes += [f"{message}; the files were read from {places}" for message in tried[:named]]
    return [paths[file] for file in source.files]


def _idx_data(name: str, paths: list[Path], notes: list[str]) -> ImageData:
    source = SOURCES[name]
    hashes = {path.name: _verify(path, file, notes) for path, file in zip(paths, source.files, strict=True)}
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
    """Convert digits of 8 x 8 pixels, 0 to 16, to uint8 of 28 x 28, 0 to 255.

    Each image is enlarged to 24 x 24 by linear interpolation between pixel centres (edge values are
    extended), and padded with two pixels of background on each side, similar to the margins of MNIST.

    Args:
        images: (N, 8, 8), any real dtype.
    Returns:
        uint8 array of shape (N, 28, 28).

    >>> enlarge(np.full((1, 8, 8), 16.0))[0, 1:4, 12]
    array([  0, 255, 255], dtype=uint8)
    """
    small, large = 8, 24
    centres = np.clip((np.arange(large) + 0.5) * small / large - 0.5, 0, small - 1)
    # hat functions on the small grid: row i has the weights of the small pixels in large pixel i
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(small)))
    scaled = weights @ (np.asarray(images, np.float64) * (255 / 16)) @ weights.T
    return np.pad(np.rint(scaled).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))


def _digits(data_dir: str | os.PathLike[str] | None = None) -> ImageData:
    """The 1797 digits of the UCI test set in scikit-learn: 1500 for training, 297 for testing.

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
        notes=[] if data_dir is None else [f"--data_dir {data_dir} is not used: scikit-learn has the digits"],
    )


def load(
    name: str = "auto",
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    progress: Any = False,
) -> ImageData:
    """Load a data set by name, and verify it.

    Args:
        name: ``mnist``, ``fashion-mnist``, ``digits``, or ``auto``: MNIST or, if it is not available, the
            digits of scikit-learn, with `fallback` set and a title that says so.
        data_dir: where to search first: the folder of the files, or a folder above it (see the module).
        download: whether files may be downloaded.
        progress: passed to pooch: True (needs tqdm) or an object with `total`, `update`, `reset` and `close`.
    Raises:
        DataError: the name is unknown, a file is truncated or altered (the message has its path and both
            hashes), a named folder does not exist or is a file, or the data are not available (the message
            says what was tried).

    >>> data = load("mnist", download=False)
    >>> data.train_images.shape, data.test_labels[:3]
    ((60000, 1, 28, 28), array([7, 2, 1]))
    """
    if name not in NAMES:
        raise DataError(f"data: expected a data set among {', '.join(NAMES)}, found {name!r}")
    if name == "digits":
        try:
            return _digits(data_dir)
        except _Unavailable as error:
            raise DataError(f"data: {error}") from None
    wanted, notes = ("mnist" if name == "auto" else name), list[str]()
    try:
        return _idx_data(wanted, _locate(wanted, data_dir, download, progress, notes), notes)
    except _Unavailable as error:
        tried = str(error)
    advice = (
        f"put the four files of {SOURCES[wanted].title} into a folder and name it with --data_dir or "
        f"${VARIABLE}, or install what fetches them: {INSTALL}"
    )
    if name != "auto":
        raise DataError(f"data: {SOURCES[wanted].title} is not available; tried {tried}; {advice}")
    try:
        digits = _digits()
    except _Unavailable as error:
        raise DataError(
            f"data: neither MNIST nor its replacement is available; tried {tried}; {error}; {advice}"
        ) from None
    changes = {
        "title": "digits of scikit-learn enlarged to 28x28, NOT MNIST",
        "fallback": True,
        "notes": [*notes, f"MNIST is not available; tried {tried}; {advice}"],
    }
    return ImageData(**(vars(digits) | changes))
