"""``torchvision.datasets.mnist``: MNIST and Fashion-MNIST, from where torchvision keeps them, or from where
:mod:`cnn_physics77.datasets` finds them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cnn_physics77.core.data import find_idx, read_idx
from cnn_physics77.core.errors import DataError
from cnn_physics77.core.tensor import from_array
from cnn_physics77.datasets import SOURCES, load
from cnn_physics77.vision.datasets.vision import VisionDataset, picture

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class _Images(VisionDataset):
    """Grey images of 28 x 28 pixels with labels; a subclass names the data set."""

    classes: ClassVar[list[str]]
    _name: str

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        images, labels = self._in_own_folder() or self._found(download)
        self.data = from_array(images)
        self.targets = from_array(labels.astype(np.int64))

    @property
    def raw_folder(self) -> str:
        """Where torchvision keeps the files."""
        return os.path.join(self.root, type(self).__name__, "raw")

    def _in_own_folder(self) -> list[np.ndarray] | None:
        """The images and labels in :attr:`raw_folder`. They are not verified."""
        part = "train" if self.train else "t10k"
        paths = [
            find_idx(Path(self.raw_folder), f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")
        ]
        return None if None in paths else [read_idx(path) for path in paths if path is not None]

    def _found(self, download: bool) -> tuple[np.ndarray, np.ndarray]:
        folder = self.root if os.path.isdir(self.root) else None
        found = load(self._name, data_dir=folder, download=download)
        part = "train" if self.train else "test"
        return getattr(found, f"{part}_images")[:, 0], getattr(found, f"{part}_labels")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class by its name."""
        return {name: i for i, name in enumerate(self.classes)}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(picture(self.data.array[index]), int(self.targets.array[index]))

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class MNIST(_Images):
    """Handwritten digits: 60000 for training, 10000 for testing.

    Args:
        root: where to search first: in its folder ``MNIST/raw``, whose files may be any of the format; then
            for the published files, which are verified, where :mod:`cnn_physics77.datasets` looks.
        train: the training part, or the test part.
        transform: applied to the image: a PIL image, or a uint8 array (28, 28) where Pillow is not installed.
        target_transform: applied to the label, an int.
        download: if the files are not found, download them to the user's cache.

    Attributes:
        data: the images, a uint8 tensor (N, 28, 28).
        targets: the labels, an int64 tensor (N,).

    Raises:
        DataError: the files are not found, or altered.

    >>> from cnn_physics77.vision import transforms
    >>> data = MNIST("data", train=False, transform=transforms.ToTensor())
    >>> image, label = data[0]
    >>> len(data), tuple(image.shape), label
    (10000, (1, 28, 28), 7)
    """

    classes: ClassVar[list[str]] = [f"{i} - {name}" for i, name in enumerate(_DIGITS)]
    _name = "mnist"


class FashionMNIST(_Images):
    """Articles of clothing; arguments and attributes as for :class:`MNIST`."""

    classes: ClassVar[list[str]] = [*SOURCES["fashion-mnist"].classes]
    _name = "fashion-mnist"


class KMNIST(_Images):
    """Cursive Japanese characters, from torchvision's folder ``KMNIST/raw`` alone; see :class:`MNIST`."""

    classes: ClassVar[list[str]] = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]

    def _found(self, download: bool) -> tuple[np.ndarray, np.ndarray]:
        raise DataError(f"KMNIST: expected its files in {self.raw_folder}, found none; put them there")


__all__ = ["KMNIST", "MNIST", "FashionMNIST"]
