"""Transforms of images that make training data more various; a part of ``torchvision.transforms``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from cnn_physics77.core.backend.dtypes import float32
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.creation.creation import empty, tensor
from cnn_physics77.core.operations.creation.random_sampling import rand, randint, randperm
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.transforms import functional as F
from cnn_physics77.vision.transforms.arguments import NUMBER, bounds_of, check_transforms, numbers_of
from cnn_physics77.vision.transforms.images import InterpolationMode, mode_of


def between(low: float, high: float) -> float:
    """A number, drawn uniformly."""
    return empty(1).uniform_(low, high).item()


def _place(size: int, part: int) -> int:
    return int(randint(0, size - part + 1, (1,)).item())


def _check_ratio(function: str, ratio: Any) -> None:
    if bounds_of(function, "ratio", ratio, 0)[0] == 0:
        raise ValueError(f"{function}: expected positive numbers as ratio, found {ratio!r}")


class Grayscale(Module):
    """The brightness of a colour image; see :func:`.functional.rgb_to_grayscale`."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img):
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self) -> str:
        return f"Grayscale(num_output_channels={self.num_output_channels})"


class RandomGrayscale(Module):
    """The image without its colours with probability ``p``; the number of channels stays."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        self.p = p

    def forward(self, img):
        channels = F.get_dimensions(img)[0]
        return F.rgb_to_grayscale(img, channels) if rand(1).item() < self.p else img

    def __repr__(self) -> str:
        return f"RandomGrayscale(p={self.p})"


class RandomApply(Module):
    """All of the transforms with probability ``p``, else none."""

    def __init__(self, transforms: Sequence[Callable], p: float = 0.5) -> None:
        super().__init__()
        check_transforms("RandomApply", transforms)
        self.transforms, self.p = transforms, p

    def forward(self, img):
        if self.p < rand(1).item():
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return "\n".join(["RandomApply(", f"    p={self.p}", *(f"    {t}" for t in self.transforms), ")"])


class RandomResizedCrop(Module):
    """A part of the image of random size, proportions and place, in another size (C. Szegedy et al.,
    arXiv:1409.4842).

    Args:
        size: (height, width) of the result, or one number for both.
        scale: the smallest and largest part of the area.
        ratio: the smallest and largest width divided by height.
        interpolation, antialias: see :func:`.functional.resize`.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        bounds_of("RandomResizedCrop", "scale", scale, 0)
        _check_ratio("RandomResizedCrop", ratio)
        self.size, self.scale, self.ratio = F._pair("RandomResizedCrop", size), scale, ratio
        self.interpolation, self.antialias = mode_of("RandomResizedCrop", interpolation), antialias

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """The (top, left, height, width) of a part, drawn at random."""
        _, height, width = F.get_dimensions(img)
        if not (height and width):
            raise ShapeError(f"RandomResizedCrop: expected an image with pixels, found {(height, width)}")
        for _ in range(10):
            area = height * width * between(scale[0], scale[1])
            aspect = math.exp(between(math.log(ratio[0]), math.log(ratio[1])))
            columns, rows = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < columns <= width and 0 < rows <= height:
                return _place(height, rows), _place(width, columns), rows, columns
        columns = round(height * ratio[1]) if width / height > max(ratio) else width
        rows = round(width / ratio[0]) if width / height < min(ratio) else height
        return (height - rows) // 2, (width - columns) // 2, rows, columns

    def forward(self, img):
        part = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *part, self.size, self.interpolation, self.antialias)

    def __repr__(self) -> str:
        scale, ratio = (tuple(round(n, 4) for n in pair) for pair in (self.scale, self.ratio))
        return (
            f"RandomResizedCrop(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


class RandomRotation(Module):
    """An image, turned by a random angle.

    Args:
        degrees: the smallest and largest angle; one number a means from -a to a.
        interpolation, expand, center, fill: see :func:`.functional.rotate`.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: Any = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[int] | None = None,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        if isinstance(degrees, NUMBER) and degrees < 0:
            raise ValueError(
                f"RandomRotation: If degrees is a single number, it must be positive, found {degrees}"
            )
        pair = (-degrees, degrees) if isinstance(degrees, NUMBER) else degrees
        self.degrees = [*bounds_of("RandomRotation", "degrees", pair)]
        self.interpolation = mode_of("RandomRotation", interpolation)
        self.expand, self.center, self.fill = expand, center, fill

    def forward(self, img):
        return F.rotate(img, between(*self.degrees), self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self) -> str:
        return (
            f"RandomRotation(degrees={self.degrees}, interpolation={self.interpolation.value}, "
            f"expand={self.expand}, fill={self.fill})"
        )


class ColorJitter(Module):
    """An image whose brightness, contrast, saturation and hue are changed at random, in random order.

    Args:
        brightness, contrast, saturation: the smallest and largest factor; one number a means from
            max(0, 1 - a) to 1 + a.
        hue: the smallest and largest turn, from -0.5 to 0.5; one number a means from -a to a. It needs a PIL
            image.
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        super().__init__()
        self.brightness = _range("brightness", brightness, 1.0, math.inf)
        self.contrast = _range("contrast", contrast, 1.0, math.inf)
        self.saturation = _range("saturation", saturation, 1.0, math.inf)
        self.hue = _range("hue", hue, 0.0, 0.5)

    def forward(self, img):
        order = randperm(4).tolist()
        ranges = self.brightness, self.contrast, self.saturation, self.hue
        factors = [None if bounds is None else between(*bounds) for bounds in ranges]
        changes = F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue
        for number in order:
            if factors[number] is not None:
                img = changes[number](img, factors[number])
        return img

    def __repr__(self) -> str:
        return (
            f"ColorJitter(brightness={self.brightness}, contrast={self.contrast}, "
            f"saturation={self.saturation}, hue={self.hue})"
        )


def _range(name: str, value: Any, centre: float, most: float) -> tuple[float, float] | None:
    """The bounds of a factor; None if it never changes the image."""
    if isinstance(value, NUMBER):
        if value < 0:
            raise ValueError(
                f"ColorJitter: If {name} is a single number, it must be non negative, found {value}"
            )
        low, high = centre - value, centre + value
        low = max(low, 0.0) if centre else low
    else:
        low, high = (float(v) for v in numbers_of("ColorJitter", name, value, 2))
    least = -most if not centre else 0.0
    if not least <= low <= high <= most:
        raise ValueError(
            f"ColorJitter: {name} values should be between {least} and {most}, found {(low, high)}"
        )
    return None if low == high == centre else (float(low), float(high))


class RandomErasing(Module):
    """A tensor with a random rectangle erased, with probability ``p`` (Z. Zhong et al., arXiv:1708.04896).

    Args:
        p: the probability.
        scale: the smallest and largest part of the area.
        ratio: the smallest and largest height divided by width.
        value: what is put there: a number, one for each channel, or "random" for normal numbers.
        inplace: change the tensor itself.

    Raises:
        TypeError: no tensor.
        ValueError: another text as ``value``; as many numbers as the image has no channels.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | str | Sequence[float] = 0,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        if value != "random" and not (isinstance(value, (*NUMBER, Sequence)) and not isinstance(value, str)):
            raise (ValueError if isinstance(value, str) else TypeError)(
                f"RandomErasing: expected a number, numbers, or 'random' as value, found {value!r}"
            )
        if bounds_of("RandomErasing", "scale", scale, 0)[1] > 1:
            raise ValueError(f"RandomErasing: expected a scale of at most 1, found {scale!r}")
        _check_ratio("RandomErasing", ratio)
        self.p, self.scale, self.ratio, self.value, self.inplace = p, scale, ratio, value, inplace

    def forward(self, img: Tensor) -> Tensor:
        if not isinstance(img, Tensor) or img.ndim < 3:
            found = f"shape {tuple(img.shape)}" if isinstance(img, Tensor) else type(img).__name__
            raise TypeError(
                f"RandomErasing: expected a tensor (..., C, H, W), found {found}; put it after ToTensor"
            )
        values = [self.value] if isinstance(self.value, NUMBER) else list(self.value)
        if self.value != "random" and len(values) not in (1, img.shape[-3]):
            raise ValueError(
                f"RandomErasing: expected a value for each of {img.shape[-3]} channels, or one, found "
                f"{self.value}"
            )
        if rand(1).item() >= self.p:
            return img
        height, width = img.shape[-2:]
        for _ in range(10):
            area = height * width * between(self.scale[0], self.scale[1])
            aspect = math.exp(between(math.log(self.ratio[0]), math.log(self.ratio[1])))
            rows, columns = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if not (rows < height and columns < width):
                continue
            if self.value == "random":
                part = empty(img.shape[-3], rows, columns, dtype=float32).normal_().to(img.dtype)
            else:
                part = tensor(values, dtype=img.dtype)[:, None, None]
            return F.erase(
                img, _place(height, rows), _place(width, columns), rows, columns, part, self.inplace
            )
        return img

    def __repr__(self) -> str:
        return (
            f"RandomErasing(p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, "
            f"inplace={self.inplace})"
        )


__all__ = [
    "ColorJitter",
    "Grayscale",
    "RandomApply",
    "RandomErasing",
    "RandomGrayscale",
    "RandomResizedCrop",
    "RandomRotation",
]
