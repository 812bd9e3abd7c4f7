"""``torchvision.datasets.vision``: what data sets of images have in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from cnn_physics77.core.loading import Dataset

try:
    from PIL import Image
except ImportError:
    Image = None  # type: ignore[assignment]


def picture(pixels: np.ndarray) -> Any:
    """A PIL image; the pixels themselves where Pillow is not installed."""
    return pixels if Image is None else Image.fromarray(np.ascontiguousarray(pixels))


class StandardTransform:
    """One transform for the image, and one for its target."""

    def __init__(self, transform: Callable | None = None, target_transform: Callable | None = None) -> None:
        self.transform, self.target_transform = transform, target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        lines = ["StandardTransform"]
        for title, change in (("Transform", self.transform), ("Target transform", self.target_transform)):
            if change is not None:
                indent = "\n" + " " * (len(title) + 2)
                lines.append(f"{title}: {repr(change).replace(chr(10), indent)}")
        return "\n".join(lines)


class VisionDataset(Dataset[tuple[Any, Any]]):
    """A data set of images; a subclass defines ``__getitem__`` and ``__len__``.

    Args:
        root: the folder of its files.
        transforms: applied to image and target together.
        transform: applied to the image.
        target_transform: applied to the target.

    Raises:
        ValueError: both ``transforms`` and one of the others.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Callable | None = None,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
    ) -> None:
        self.root: Any = os.path.expanduser(root) if isinstance(root, str) else root
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError(
                "Only transforms or transform/target_transform can be passed as argument, found both"
            )
        self.transform, self.target_transform = transform, target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def _transformed(self, image: Any, target: Any) -> tuple[Any, Any]:
        return StandardTransform(self.transform, self.target_transform)(image, target)

    def extra_repr(self) -> str:
        """A further line of the text."""
        return ""

    def __len__(self) -> int:
        raise NotImplementedError

    def __repr__(self) -> str:
        lines = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"Root location: {self.root}")
        lines += self.extra_repr().splitlines()
        if self.transforms is not None:
            lines.append(repr(self.transforms))
        return "\n".join([f"Dataset {type(self).__name__}", *(f"    {line}" for line in lines)])


__all__ = ["VisionDataset"]
