"""Random changes of images that version 1 lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_physics77.core.operations.creation.random_sampling import rand, randint, randperm
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision import transforms as v1
from cnn_physics77.vision.transforms.arguments import bounds_of, check_numbers, numbers_of
from cnn_physics77.vision.transforms.augmentation import between
from cnn_physics77.vision.transforms.images import InterpolationMode, mode_of
from cnn_physics77.vision.transforms.v2 import functional as F
from cnn_physics77.vision.transforms.v2.samples import Transform


class RGB(Transform):
    """Grey images as images of three channels."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.grayscale_to_rgb(inpt)


class RandomChannelPermutation(Transform):
    """The channels in a random order."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"permutation": randperm(F.get_num_channels(flat_inputs[0]))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.permute_channels(inpt, **params)


class RandomPhotometricDistort(Transform):
    """Other brightness, contrast, saturation and hue, and another order of the channels, each with
    probability ``p`` (W. Liu et al., arXiv:1512.02325).

    Args:
        brightness, contrast, saturation: the smallest and largest factor.
        hue: the smallest and largest turn, from -0.5 to 0.5.
        p: the probability.
    """

    def __init__(
        self,
        brightness: Sequence[float] = (0.875, 1.125),
        contrast: Sequence[float] = (0.5, 1.5),
        saturation: Sequence[float] = (0.5, 1.5),
        hue: Sequence[float] = (-0.05, 0.05),
        p: float = 0.5,
    ) -> None:
        super().__init__()
        ranges = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        for name, values in ranges.items():
            bounds_of("RandomPhotometricDistort", name, values, 0)
        bounds_of("RandomPhotometricDistort", "hue", hue, -0.5)
        check_numbers("RandomPhotometricDistort", p=p)
        self.brightness, self.contrast, self.hue, self.saturation = brightness, contrast, hue, saturation
        self.p = p

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        factors = {
            name: between(*getattr(self, name)) if rand(1).item() < self.p else None
            for name in ("brightness", "contrast", "saturation", "hue")
        }
        first = rand(1).item() < 0.5  # the contrast comes before saturation and hue, or after them
        order = ("brightness", "contrast", "saturation", "hue")
        order = order if first else ("brightness", "saturation", "hue", "contrast")
        channels = F.get_num_channels(flat_inputs[0])
        permutation = randperm(channels) if rand(1).item() < self.p else None
        return {"changes": [(name, factors[name]) for name in order], "permutation": permutation}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        for name, factor in params["changes"]:
            if factor is not None:
                inpt = getattr(F, f"adjust_{name}")(inpt, factor)
        if params["permutation"] is not None:
            inpt = F.permute_channels(inpt, params["permutation"])
        return inpt


class GaussianNoise(Transform):
    """A tensor with normal noise; see :func:`.functional.gaussian_noise`."""

    def __init__(self, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> None:
        super().__init__()
        self.mean, self.sigma, self.clip = mean, sigma, clip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.gaussian_noise(inpt, self.mean, self.sigma, self.clip)


class RandomZoomOut(Transform):
    """The image at a random place of a larger one, with probability ``p`` (W. Liu et al., arXiv:1512.02325).

    Args:
        fill: the value of what is around it; see :func:`.functional.pad`.
        side_range: the smallest and largest factor of the sides, from 1 on.
        p: the probability.
    """

    def __init__(self, fill: Any = 0, side_range: Sequence[float] = (1.0, 4.0), p: float = 0.5) -> None:
        super().__init__()
        bounds_of("RandomZoomOut", "side_range", side_range, 1)
        self.p, self.fill, self.side_range = p, fill, side_range

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        low, high = self.side_range
        factor = (low + rand(1) * (high - low)).item()
        height, width = F.get_size(flat_inputs[0])
        more = int(width * np.float32(factor)) - width, int(height * np.float32(factor)) - height
        left, top = (int(n * np.float32(part)) for n, part in zip(more, rand(2).tolist()))
        return {"padding": [left, top, more[0] - left, more[1] - top]}

    def forward(self, inpt: Any) -> Any:
        return inpt if rand(1).item() >= self.p else super().forward(inpt)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.pad(inpt, params["padding"], self.fill)


class _Resized(Transform):
    def __init__(self, interpolation: Any, antialias: bool | None) -> None:
        super().__init__()
        self.interpolation, self.antialias = mode_of(type(self).__name__, interpolation), antialias

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.resize(inpt, params["size"], self.interpolation, antialias=self.antialias)


class RandomResize(_Resized):
    """The image in another size: the smaller side is drawn from ``min_size`` to ``max_size - 1``."""

    def __init__(
        self,
        min_size: int,
        max_size: int,
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__(interpolation, antialias)
        self.min_size, self.max_size = min_size, max_size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"size": int(randint(self.min_size, self.max_size, (1,)).item())}


class RandomShortestSize(_Resized):
    """The image in another size: the smaller side is one of several, but the larger one not above another.

    Args:
        min_size: the smaller side, or several of which one is drawn.
        max_size: the most that the larger side becomes.
        interpolation, antialias: see :func:`.functional.resize`.
    """

    def __init__(
        self,
        min_size: int | Sequence[int],
        max_size: int | None = None,
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__(interpolation, antialias)
        self.min_size = [min_size] if isinstance(min_size, int) else [*min_size]
        self.max_size = max_size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = F.get_size(flat_inputs[0])
        factor = self.min_size[int(randint(len(self.min_size), (1,)).item())] / min(height, width)
        if self.max_size is not None:
            factor = min(factor, self.max_size / max(height, width))
        return {"size": (int(height * factor), int(width * factor))}


class ScaleJitter(_Resized):
    """The image in another size: that of the largest in ``target_size`` times a random factor.

    Args:
        target_size: (height, width).
        scale_range: the smallest and largest factor.
        interpolation, antialias: see :func:`.functional.resize`.
    """

    def __init__(
        self,
        target_size: tuple[int, int],
        scale_range: Sequence[float] = (0.1, 2.0),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__(interpolation, antialias)
        numbers_of("ScaleJitter", "target_size", target_size, 2)
        bounds_of("ScaleJitter", "scale_range", scale_range, 0)
        self.target_size, self.scale_range = target_size, scale_range

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = F.get_size(flat_inputs[0])
        low, high = self.scale_range
        scale = np.float32((low + rand(1) * (high - low)).item())
        factor = min(self.target_size[1] / height, self.target_size[0] / width) * scale
        return {"size": (int(height * factor), int(width * factor))}


class LinearTransformation(Transform, v1.LinearTransformation):
    __doc__ = v1.LinearTransformation.__doc__

    def forward(self, tensor: Tensor) -> Tensor:
        return v1.LinearTransformation.forward(self, tensor)


__all__ = [
    "RGB",
    "GaussianNoise",
    "LinearTransformation",
    "RandomChannelPermutation",
    "RandomPhotometricDistort",
    "RandomResize",
    "RandomShortestSize",
    "RandomZoomOut",
    "ScaleJitter",
]
