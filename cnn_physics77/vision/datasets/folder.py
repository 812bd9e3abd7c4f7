"""``torchvision.datasets.folder``: images in one folder for each class."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from cnn_physics77.vision.datasets.vision import VisionDataset
from cnn_physics77.vision.transforms.images import pillow

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def find_classes(directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
    """The names of the folders in a folder, sorted, and the number of each.

    Raises:
        FileNotFoundError: there are none.
    """
    classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(
            f"Couldn't find any class folder in {directory}. Expected one for the images of each class"
        )
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(
    directory: str | os.PathLike[str],
    class_to_idx: dict[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """The files of all classes, each with the number of its class: see :class:`DatasetFolder`.

    Raises:
        ValueError: none, or both, of ``extensions`` and ``is_valid_file``; an empty ``class_to_idx``.
        FileNotFoundError: a class has no file.
    """
    directory = os.path.expanduser(directory)
    if class_to_idx is None:
        class_to_idx = find_classes(directory)[1]
    elif not class_to_idx:
        raise ValueError(
            "make_dataset: 'class_to_index' must have at least one entry to collect any samples."
        )
    if (extensions is None) == (is_valid_file is None):
        raise ValueError(
            "make_dataset: Both extensions and is_valid_file cannot be None or not None at the same time"
        )
    found, empty = [], []
    for name in sorted(class_to_idx):
        paths = [
            os.path.join(folder, file)
            for folder, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=True))
            for file in sorted(files)
        ]
        valid = [p for p in paths if (is_valid_file(p) if is_valid_file else p.lower().endswith(extensions))]  # type: ignore[arg-type]
        found += [(path, class_to_idx[name]) for path in valid]
        if not valid:
            empty.append(name)
    if empty and not allow_empty:
        known = f"Supported extensions are: {extensions}" if extensions is not None else ""
        raise FileNotFoundError(f"Found no valid file for the classes {', '.join(empty)}. {known}")
    return found


def default_loader(path: str) -> Any:
    """The image in a file, as a PIL image of three colours."""
    with open(path, "rb") as file:
        return pillow("Image").open(file).convert("RGB")


class DatasetFolder(VisionDataset):
    """Files in one folder for each class, also in folders below.

    Args:
        root: the folder that holds those of the classes.
        loader: makes a sample of a path.
        extensions: the endings of files that are samples, in lower case.
        transform: applied to the sample.
        target_transform: applied to the number of the class.
        is_valid_file: says whether a path is a sample, instead of ``extensions``.
        allow_empty: whether a class may have no file.

    Attributes:
        classes: the names of the classes, sorted; a subclass may define ``find_classes(directory)``.
        class_to_idx: the number of each class.
        samples: (path, number of the class) of each sample.
        targets: the numbers of the classes.

    Raises:
        FileNotFoundError: there is no folder of a class, or one without a sample.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.loader, self.extensions = loader, extensions
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(self.root, self.class_to_idx, extensions, is_valid_file, allow_empty)
        self.targets = [target for _, target in self.samples]

    make_dataset = staticmethod(make_dataset)

    def find_classes(self, directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
        """The names of the classes, and the number of each."""
        return find_classes(directory)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self._transformed(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Images in one folder for each class, read with Pillow; attributes as of :class:`DatasetFolder`, and
    ``imgs``, which is ``samples``.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples


__all__ = ["IMG_EXTENSIONS", "DatasetFolder", "ImageFolder", "default_loader", "find_classes", "make_dataset"]
