"""Colours of images: the part of ``torchvision.transforms.functional`` that changes them.

A tensor (..., 3, H, W), or (..., 1, H, W), has values from 0 to 1, or integers up to the largest
one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.core.operations.creation.creation import zeros_like
from cnn_physics77.core.operations.indexing.cat_split import stack
from cnn_physics77.core.operations.pointwise.where_clamp import minimum, where
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.transforms.arguments import check_numbers
from cnn_physics77.vision.transforms.images import check_image, convert_image_dtype, is_pil, pillow, white


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """The brightness of a colour image, 0.2989 R + 0.587 G + 0.114 B (ITU-R 601), as one channel or as three
    equal ones.
    """
    check_image("rgb_to_grayscale", img)
    if num_output_channels not in (1, 3):
        raise ValueError(
            f"rgb_to_grayscale: num_output_channels should be either 1 or 3, found {num_output_channels}"
        )
    if is_pil(img):
        grey = img.convert("L")
        return grey if num_output_channels == 1 else pillow("Image").merge("RGB", [grey] * 3)
    if _channels("rgb_to_grayscale", img) == 1:
        grey = img.clone()
    else:
        red, green, blue = img.unbind(-3)
        grey = (0.2989 * red + 0.587 * green + 0.114 * blue).to(img.dtype).unsqueeze(-3)
    return grey if num_output_channels == 1 else grey.expand((*img.shape[:-3], 3, *img.shape[-2:])).clone()


def _channels(function: str, img: Tensor) -> int:
    """1 or 3."""
    if img.ndim < 3 or img.shape[-3] not in (1, 3):
        raise TypeError(
            f"{function}: expected a tensor (..., C, H, W) with 1 or 3 channels, found shape "
            f"{tuple(img.shape)}"
        )
    return img.shape[-3]


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """:func:`rgb_to_grayscale` of a PIL image."""
    return rgb_to_grayscale(img, num_output_channels)


def blend(image: Tensor, other: Tensor, factor: float) -> Tensor:
    """The image moved away from another one, within the values that it can have."""
    factor, most = float(factor), white(image.array.dtype)
    return (factor * image + (1.0 - factor) * other).clamp(0, most).to(image.dtype)


def _changed(function: str, enhancer: str, img: Any, factor: float, other: Any) -> Any:
    """The image moved away from another one, by Pillow's class or as tensors."""
    check_image(function, img)
    check_numbers(function, factor=factor)
    if factor < 0:
        raise ValueError(f"{function}: factor ({factor}) is not non-negative.")
    if is_pil(img):
        return getattr(pillow("ImageEnhance"), enhancer)(img).enhance(factor)
    _channels(function, img)
    return blend(img, other(img), factor)


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """The image times a factor."""
    return _changed("adjust_brightness", "Brightness", img, brightness_factor, zeros_like)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """The differences from the mean brightness times a factor."""

    def mean(image: Tensor) -> Tensor:
        grey = rgb_to_grayscale(image)
        if not image.is_floating_point():
            grey = grey.to(np.float32)
        return grey.mean(dim=(-3, -2, -1), keepdim=True)

    return _changed("adjust_contrast", "Contrast", img, contrast_factor, mean)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """The differences from the grey image times a factor. A grey one stays as it is."""
    check_image("adjust_saturation", img)
    if isinstance(img, Tensor) and (img.ndim == 2 or img.shape[-3] == 1):
        return img
    return _changed("adjust_saturation", "Color", img, saturation_factor, rgb_to_grayscale)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """The image with its hue turned by a part of the circle, from -0.5 to 0.5. A grey one stays as it is.

    The hue of a tensor is computed in float32. With v the largest channel, d what it exceeds the smallest one
    by, and the hue h from 0 to 6, the channel is v - d max(0, min(k, 4 - k, 1)) with k = (n + h) mod 6 and
    n = 5, 3, 1 for red, green and blue (A. R. Smith, SIGGRAPH 1978).
    """
    check_image("adjust_hue", img)
    check_numbers("adjust_hue", hue_factor=hue_factor)
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"adjust_hue: hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if isinstance(img, Tensor):
        return img if _channels("adjust_hue", img) == 1 else _turned(img, hue_factor)
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turned = (np.asarray(hue).astype(np.int64) + int(hue_factor * 255)) % 256
    hue = pillow("Image").fromarray(turned.astype(np.uint8))
    return pillow("Image").merge("HSV", (hue, saturation, value)).convert(img.mode)


def _turned(img: Tensor, part: float) -> Tensor:
    pixels = convert_image_dtype(img)
    red, green, blue = pixels.unbind(-3)
    most, least = pixels.amax(-3), pixels.amin(-3)
    spread = most - least
    whole = where(spread == 0, 1, spread)
    of_red, of_green, of_blue = (green - blue) / whole, 2 + (blue - red) / whole, 4 + (red - green) / whole
    hue = where(most == red, of_red, where(most == green, of_green, of_blue)) + 6 * part
    places = [(n + hue) % 6 for n in (5, 3, 1)]
    turned = stack([most - spread * minimum(k, 4 - k).clamp(0, 1) for k in places], -3)
    return convert_image_dtype(turned, img.dtype)


__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "rgb_to_grayscale",
    "to_grayscale",
]
