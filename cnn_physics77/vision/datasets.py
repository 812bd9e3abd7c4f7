"""``torchvision.datasets``: MNIST and Fashion-MNIST, from where :mod:`cnn_physics77.datasets` finds them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from cnn_physics77.core.loading import Dataset
from cnn_physics77.core.tensor import from_array
from cnn_physics77.datasets import SOURCES, load

try:
    from PIL import Image
except ImportError:
    Image = None  # type: ignore[assignment]

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class _Images(Dataset[tuple[Any, Any]]):
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
        self.root = os.path.expanduser(root)
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        folder = self.root if os.path.isdir(self.root) else None
        found = load(self._name, data_dir=folder, download=download)
        images, labels = (
            (found.train_images, found.train_labels) if train else (found.test_images, found.test_labels)
        )
        self.data = from_array(images[:, 0])
        self.targets = from_array(labels)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class by its name."""
        return {name: i for i, name in enumerate(self.classes)}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        pixels, target = self.data.array[index], int(self.targets.array[index])
        image = pixels if Image is None else Image.fromarray(np.ascontiguousarray(pixels))
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        lines = [
            f"Dataset {type(self).__name__}",
            f"    Number of datapoints: {len(self)}",
            f"    Root location: {self.root}",
            f"    Split: {'Train' if self.train else 'Test'}",
        ]
        changes = {"Transform": self.transform, "Target transform": self.target_transform}
        if any(change is not None for change in changes.values()):
            lines.append("    StandardTransform")
        for title, change in changes.items():
            if change is not None:
                indent = "\n" + " " * (len(title) + 2)
                lines.append(f"{title}: {repr(change).replace(chr(10), indent)}")
        return "\n".join(lines)


class MNIST(_Images):
    """Handwritten digits: 60000 for training, 10000 for testing.

    Args:
        root: where to search first, also in its folder ``MNIST/raw``; then where
            :mod:`cnn_physics77.datasets` looks.
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


__all__ = ["MNIST", "FashionMNIST"]
