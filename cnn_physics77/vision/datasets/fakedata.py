"""``torchvision.datasets.fakedata``: random images, to try a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnn_physics77.core.operations.creation.random_sampling import randint, randn
from cnn_physics77.core.random import Generator
from cnn_physics77.vision.datasets.vision import VisionDataset
from cnn_physics77.vision.transforms.functional import to_pil_image


class FakeData(VisionDataset):
    """Normally distributed pixels; an image and its class depend on its index alone.

    Args:
        size: the number of images.
        image_size: (C, H, W).
        num_classes: the number of classes.
        transform: applied to the PIL image.
        target_transform: applied to the class, a tensor of one integer.
        random_offset: added to the index, which is the seed.

    >>> from cnn_physics77.vision import transforms
    >>> image, label = FakeData(5, (3, 4, 6), num_classes=2, transform=transforms.ToTensor())[3]
    >>> tuple(image.shape), label in (0, 1)
    ((3, 4, 6), True)
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.size, self.num_classes = size, num_classes
        self.image_size, self.random_offset = image_size, random_offset

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if index >= len(self):
            raise IndexError(f"FakeData: index {index} out of range of {len(self)} images")
        drawn = Generator().manual_seed(index + self.random_offset)
        pixels = randn(self.image_size, generator=drawn)
        target = randint(0, self.num_classes, (1,), generator=drawn)[0]
        image, target = self._transformed(to_pil_image(pixels), target)
        return image, target.item()

    def __len__(self) -> int:
        return self.size


__all__ = ["FakeData"]
