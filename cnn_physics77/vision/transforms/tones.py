"""Tones of images: a part of ``torchvision.transforms.functional``.

A PIL image is computed by Pillow. A tensor (..., C, H, W) has values from 0 to 1, or integers up to the
largest one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.core.operations.nn.convolution import conv2d
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import from_array
from cnn_physics77.vision.transforms.arguments import check_bits, check_numbers
from cnn_physics77.vision.transforms.colour import blend
from cnn_physics77.vision.transforms.images import check_image, convert_image_dtype, is_pil, pillow, white


def invert(img: Any) -> Any:
    """The negative."""
    check_image("invert", img)
    return pillow("ImageOps").invert(img) if is_pil(img) else white(img.array.dtype) - img


def posterize(img: Any, bits: int) -> Any:
    """The first bits of each of the 8 bits of a pixel, the others 0."""
    check_image("posterize", img)
    least = 1 if is_pil(img) else 0
    check_bits(bits, least)
    if is_pil(img):
        return pillow("ImageOps").posterize(img, bits)
    if img.array.dtype != np.uint8:
        raise TypeError(f"posterize: Only torch.uint8 image tensors are supported, but found {img.dtype}")
    return img & (256 - 2 ** (8 - bits))


def solarize(img: Any, threshold: float) -> Any:
    """The negative of the pixels from the threshold on."""
    check_image("solarize", img)
    check_numbers("solarize", threshold=threshold)
    if is_pil(img):
        return pillow("ImageOps").solarize(img, threshold)
    most = white(img.array.dtype)
    if threshold > most:
        raise TypeError(f"solarize: expected a threshold of at most {most}, found {threshold}")
    return invert(img).where(img >= threshold, img)


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """The differences from the smoothed image times a factor. It is the mean of 3 × 3 pixels, of which the
    middle one counts 5 times; the border is not smoothed."""
    check_image("adjust_sharpness", img)
    check_numbers("adjust_sharpness", sharpness_factor=sharpness_factor)
    if sharpness_factor < 0:
        raise ValueError(f"adjust_sharpness: sharpness_factor ({sharpness_factor}) is not non-negative.")
    if is_pil(img):
        return pillow("ImageEnhance").Sharpness(img).enhance(sharpness_factor)
    if min(img.shape[-2:]) <= 2:
        return img
    dtype = img.array.dtype if img.array.dtype.kind == "f" else np.dtype(np.float32)
    weights = np.ones((1, 1, 3, 3), dtype)
    weights[..., 1, 1] = 5
    planes = img.to(dtype).reshape((-1, 1, *img.shape[-2:]))
    inner = conv2d(planes, from_array(weights / weights.sum()))
    smooth = img.clone()
    inner = inner if img.is_floating_point() else inner.round()
    smooth[..., 1:-1, 1:-1] = inner.reshape((*img.shape[:-2], *inner.shape[-2:])).to(img.dtype)
    return blend(img, smooth, sharpness_factor)


def autocontrast(img: Any) -> Any:
    """Each channel stretched, so that its darkest pixel is 0 and its brightest has the largest value. One
    whose pixels are all equal stays as it is, and so does an image without pixels.
    """
    check_image("autocontrast", img)
    if is_pil(img):
        return pillow("ImageOps").autocontrast(img)
    if 0 in img.shape:
        return img
    most = white(img.array.dtype)
    x = img if img.is_floating_point() else img.to(np.float32)
    low, high = x.amin((-2, -1), keepdim=True), x.amax((-2, -1), keepdim=True)
    spread = high - low
    flat = ~(most / spread.detach()).isfinite()  # equal, or too close, or not finite
    scale = most / where(flat, most, spread)
    return ((x - where(flat, 0, low)) * scale).clamp(0, most).to(img.dtype)


def equalize(img: Any) -> Any:
    """Each channel of 8 bits so that its values are about equally frequent."""
    check_image("equalize", img)
    if is_pil(img):
        return pillow("ImageOps").equalize(img)
    if img.array.dtype != np.uint8:
        raise TypeError(f"equalize: Only torch.uint8 image tensors are supported, but found {img.dtype}")
    if 0 in img.shape:
        return img
    planes = img.array.reshape((-1, img.shape[-2] * img.shape[-1]))
    return from_array(np.stack([_equal(plane) for plane in planes]).reshape(img.array.shape))


def _equal(plane: np.ndarray) -> np.ndarray:
    count = np.bincount(plane, minlength=256)
    step = (plane.size - count[np.flatnonzero(count)[-1]]) // 255
    if step == 0:
        return plane
    below = np.cumsum(count) - count
    return np.clip((below + step // 2) // step, 0, 255).astype(np.uint8)[plane]


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """gain · xᵞ of the pixels x from 0 to 1."""
    check_image("adjust_gamma", img)
    check_numbers("adjust_gamma", gamma=gamma, gain=gain)
    if gamma < 0:
        raise ValueError("adjust_gamma: Gamma should be a non-negative real number")
    if is_pil(img):
        mapped = [int((256 - 1e-3) * gain * (value / 255) ** gamma) for value in range(256)]
        changed = img.convert("RGB").point(mapped * 3)
        return changed.convert(img.mode)
    x = img if img.is_floating_point() else convert_image_dtype(img)
    return convert_image_dtype((gain * x**gamma).clamp(0, 1), img.dtype)


__all__ = [
    "adjust_gamma",
    "adjust_sharpness",
    "autocontrast",
    "equalize",
    "invert",
    "posterize",
    "solarize",
]
