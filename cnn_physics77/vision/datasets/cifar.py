"""``torchvision.datasets.cifar``: CIFAR-10 and CIFAR-100, from their unpacked archives (A. Krizhevsky,
*Learning multiple layers of features from tiny images*, 2009).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from cnn_physics77.core.errors import DataError
from cnn_physics77.core.pickle_reader import PickleReader
from cnn_physics77.core.torch_file import names
from cnn_physics77.vision.datasets.vision import VisionDataset, picture


class CIFAR10(VisionDataset):
    """Colour images of 32 x 32 pixels in ten classes: 50000 for training, 10000 for testing.

    The files are pickles. They are read as data: no code in them is run.

    Args:
        root: the folder that holds ``cifar-10-batches-py``, as unpacked from the archive for Python.
        train: the training part, or the test part.
        transform: applied to the image: a PIL image, or a uint8 array (32, 32, 3) where Pillow is not
            installed.
        target_transform: applied to the label, an int.
        download: without effect, as nothing is downloaded.

    Attributes:
        data: the images, a uint8 array (N, 32, 32, 3).
        targets: the labels, a list.
        classes: the names of the classes.

    Raises:
        DataError: the files are not found, or are not what they should be.
    """

    base_folder: ClassVar[str] = "cifar-10-batches-py"
    _parts: ClassVar[tuple[list[str], list[str]]] = (["test_batch"], [f"data_batch_{i}" for i in range(1, 6)])
    _keys: ClassVar[tuple[str, str, str]] = ("labels", "batches.meta", "label_names")

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
        labels, meta, names_of_classes = self._keys
        batches = [self._read(name, "data", labels) for name in self._parts[train]]
        shapes = [(np.shape(images), (len(some), 3 * 32 * 32)) for images, some in batches]
        if any(found != expected for found, expected in shapes):
            raise DataError(
                f"{type(self).__name__}: expected 3072 pixels for each label, found batches of shapes "
                f"{[found for found, _ in shapes]} for {[labels for _, (labels, _) in shapes]} labels in "
                f"{os.path.join(self.root, self.base_folder)}; replace the files by the originals"
            )
        pixels = np.concatenate([np.asarray(images, np.uint8) for images, _ in batches])
        self.data = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.targets = [int(label) for _, some in batches for label in some]
        (self.classes,) = self._read(meta, names_of_classes)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}

    def _read(self, name: str, *keys: str) -> list[Any]:
        """The entries of one file."""
        path = os.path.join(self.root, self.base_folder, name)
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError as error:
            raise DataError(
                f"{type(self).__name__}: expected the file {path}, found none ({error.strerror}); unpack the "
                f"archive for Python in {self.root}, as nothing is downloaded"
            ) from None
        try:
            found = {
                k.decode() if isinstance(k, bytes) else k: v
                for k, v in PickleReader(names()).read(content).items()
            }
            return [found[key] for key in keys]
        except Exception as error:
            raise DataError(
                f"{type(self).__name__}: expected a pickled dict with {', '.join(keys)} in {path}, found "
                f"another content ({error!r}); replace the file by the original"
            ) from None

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(picture(self.data[index]), self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """The same in a hundred classes, from ``cifar-100-python``; else as :class:`CIFAR10`."""

    base_folder: ClassVar[str] = "cifar-100-python"
    _parts: ClassVar[tuple[list[str], list[str]]] = (["test"], ["train"])
    _keys: ClassVar[tuple[str, str, str]] = ("fine_labels", "meta", "fine_label_names")


__all__ = ["CIFAR10", "CIFAR100"]
