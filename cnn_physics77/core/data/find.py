"""Finding IDX files under the usual spellings of their names, in any case, compressed or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError


def entries(folder: Path) -> list[str]:
    """The names in a folder, sorted.

    Raises:
        DataError: the folder cannot be read.
    """
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise DataError(
            f"data: {folder}: cannot be read ({error.strerror or error}); change its permissions, or name "
            "another folder"
        ) from None


def subfolders(folder: Path, relative: str) -> Iterator[Path]:
    """The folders `relative`, such as ``MNIST/raw``, below `folder`; case is ignored.

    Raises:
        DataError: a folder cannot be read.
    """
    if not relative:
        yield folder
        return
    first, _, rest = relative.partition("/")
    for name in entries(folder):
        if name.lower() == first.lower() and (folder / name).is_dir():
            yield from subfolders(folder / name, rest)


def _stem(name: str) -> str:
    """The normalised name of a file, equal for all its usual spellings.

    >>> _stem("Train-Images.idx3-ubyte"), _stem("train-images-idx3-ubyte.gz")
    ('train-images-idx3-ubyte', 'train-images-idx3-ubyte')
    """
    return name.lower().removesuffix(".gz").replace(".", "-").replace("_", "-")


def find_idx(folder: Path, name: str) -> Path | None:
    """The IDX file called `name` in the folder, under any of the usual spellings of its name.

    The exact name takes precedence, then compressed files. If a folder has the file's name, as in Kaggle's
    archive, the file is searched in it; if it is not there the folder is returned, and reading it raises.

    Args:
        folder: may be missing.
        name: the published name, such as ``train-images-idx3-ubyte.gz``.
    Raises:
        DataError: the folder cannot be read.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "train-images.idx3-ubyte").touch()
    >>> find_idx(folder, "train-images-idx3-ubyte.gz").name
    'train-images.idx3-ubyte'
    """
    if not folder.is_dir():
        return None
    spellings = [entry for entry in entries(folder) if _stem(entry) == _stem(name)]
    spellings.sort(key=lambda entry: (entry != name, not entry.lower().endswith(".gz")))
    for entry in spellings:
        path = folder / entry
        return (find_idx(path, name) if path.is_dir() else None) or path
    return None
