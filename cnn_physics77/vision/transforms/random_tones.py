"""Random changes of the tones of an image; a part of ``torchvision.transforms``."""

from __future__ import annotations

from typing import Any

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.creation.random_sampling import rand
from cnn_physics77.vision.transforms import functional as F


class _Sometimes(Module):
    """A change with probability ``p``."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def change(self, img: Any) -> Any:
        """The changed image."""
        raise NotImplementedError

    def forward(self, img):
        return self.change(img) if rand(1).item() < self.p else img

    def __repr__(self) -> str:
        own = [
            f"{name}={value}"
            for name, value in vars(self).items()
            if name[0] != "_" and name not in ("p", "training")
        ]
        return f"{type(self).__name__}({','.join([*own, f'p={self.p}'])})"


class RandomInvert(_Sometimes):
    """The negative with probability ``p``; see :func:`.functional.invert`."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        return F.invert(img)


class RandomPosterize(_Sometimes):
    """The first ``bits`` bits of each pixel with probability ``p``; see :func:`.functional.posterize`."""

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def change(self, img: Any) -> Any:
        return F.posterize(img, self.bits)


class RandomSolarize(_Sometimes):
    """The negative of bright pixels with probability ``p``; see :func:`.functional.solarize`."""

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def change(self, img: Any) -> Any:
        return F.solarize(img, self.threshold)


class RandomAdjustSharpness(_Sometimes):
    """Another sharpness with probability ``p``; see :func:`.functional.adjust_sharpness`."""

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def change(self, img: Any) -> Any:
        return F.adjust_sharpness(img, self.sharpness_factor)


class RandomAutocontrast(_Sometimes):
    """The full contrast with probability ``p``; see :func:`.functional.autocontrast`."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        return F.autocontrast(img)


class RandomEqualize(_Sometimes):
    """Equally frequent values with probability ``p``; see :func:`.functional.equalize`."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        return F.equalize(img)


__all__ = [
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomEqualize",
    "RandomInvert",
    "RandomPosterize",
    "RandomSolarize",
]
