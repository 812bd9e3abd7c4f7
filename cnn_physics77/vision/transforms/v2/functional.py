"""``torchvision.transforms.v2.functional``: functions of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtypes import float32, uint8
from cnn_physics77.core.operations.creation.random_sampling import randn_like
from cnn_physics77.core.operations.indexing.flip_roll import rot90
from cnn_physics77.core.operations.nn.interpolate import interpolate
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.transforms import functional as v1
from cnn_physics77.vision.transforms.arguments import check_bits, check_dtype, check_numbers
from cnn_physics77.vision.transforms.functional import (
    InterpolationMode,
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    adjust_sharpness,
    affine,
    center_crop,
    convert_image_dtype,
    crop,
    elastic_transform,
    five_crop,
    gaussian_blur,
    get_dimensions,
    get_image_size,
    hflip,
    invert,
    normalize,
    pad,
    perspective,
    pil_to_tensor,
    rgb_to_grayscale,
    solarize,
    ten_crop,
    to_grayscale,
    to_pil_image,
    to_tensor,
    vflip,
)
from cnn_physics77.vision.transforms.images import check_image, is_pil, mode_of, white

horizontal_flip, vertical_flip, elastic = hflip, vflip, elastic_transform


def get_size(inpt: Any) -> list[int]:
    """[height, width]."""
    return get_dimensions(inpt)[1:]


def get_num_channels(inpt: Any) -> int:
    """The number of channels."""
    return get_dimensions(inpt)[0]


get_image_num_channels = get_num_channels


def resize(
    inpt: Any,
    size: int | Sequence[int],
    interpolation: Any = v1.InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """As :func:`.transforms.functional.resize`, but that bytes are computed as bytes: the result between the
    two directions is rounded to 8 bits, too.
    """
    check_image("resize", inpt)
    mode = mode_of("resize", interpolation)
    if not isinstance(inpt, Tensor) or inpt.array.dtype != np.uint8 or mode.value not in _SMOOTH:
        return v1.resize(inpt, size, mode, max_size, antialias)
    height, width = v1.new_size(inpt, size, max_size)
    images = inpt.reshape((math.prod(inpt.shape[:-3]), *get_dimensions(inpt)))
    options: dict[str, Any] = {"align_corners": False, "antialias": bool(antialias)}
    made = interpolate(images, (height, width), mode=mode.value, **options)
    return made.reshape((*inpt.shape[:-2], height, width))


_SMOOTH = ("bilinear", "bicubic")


def resized_crop(
    inpt: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: Any = v1.InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A part of the image (:func:`crop`) in another size (:func:`resize`)."""
    return resize(crop(inpt, top, left, height, width), size, interpolation, antialias=antialias)


def rotate(
    inpt: Any,
    angle: float,
    interpolation: Any = v1.InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[int] | None = None,
    fill: Any = None,
) -> Any:
    """As :func:`.transforms.functional.rotate`, but that quarters of a turn of a tensor are exact, where its
    size allows it.
    """
    check_image("rotate", inpt)
    check_numbers("rotate", angle=angle)
    if isinstance(inpt, Tensor):
        angle = angle % 360
        whole = expand or inpt.shape[-1] == inpt.shape[-2] or angle % 180 == 0
        if center is None and angle % 90 == 0 and whole:
            return rot90(inpt, int(angle // 90), (-2, -1)) if angle else inpt.clone()
    return v1.rotate(inpt, angle, interpolation, expand, center, fill)


def posterize(inpt: Any, bits: int) -> Any:
    """The first bits of each of the 8 bits of a pixel, the others 0. Floats from 0 to 1 get 2ᵇ levels, from 0
    to 1 - 2⁻ᵇ.
    """
    if not isinstance(inpt, Tensor) or not inpt.is_floating_point():
        return v1.posterize(inpt, bits)
    check_bits(bits, 0)
    return (inpt * 2**bits).floor().clamp(0, 2**bits - 1) * 2.0**-bits


def autocontrast(inpt: Any) -> Any:
    """As :func:`.transforms.functional.autocontrast`, but that it divides: bytes have other roundings."""
    check_image("autocontrast", inpt)
    if not isinstance(inpt, Tensor) or 0 in inpt.shape:
        return v1.autocontrast(inpt)
    most = white(inpt.array.dtype)
    x = inpt if inpt.is_floating_point() else inpt.to(np.float32)
    low, high = x.amin((-2, -1), keepdim=True), x.amax((-2, -1), keepdim=True)
    flat = low == high
    unit = where(flat, 1, (high - low) * (1.0 / most))
    return ((x - where(flat, 0, low)) / unit).clamp(0, most).to(inpt.dtype)


def equalize(inpt: Any) -> Any:
    """Each channel so that its values are about equally frequent: of 256 values, also of floats."""
    if not isinstance(inpt, Tensor) or inpt.array.dtype == np.uint8:
        return v1.equalize(inpt)
    return to_dtype(v1.equalize(to_dtype(inpt, uint8, scale=True)), inpt.dtype, scale=True)


def erase(inpt: Any, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False) -> Any:
    """An image with v in the part (h, w) from (i, j) on."""
    if is_pil(inpt):
        return to_pil_image(v1.erase(pil_to_tensor(inpt), i, j, h, w, v), inpt.mode)
    return v1.erase(inpt, i, j, h, w, v, inplace)


def permute_channels(inpt: Any, permutation: Sequence[int] | Tensor) -> Any:
    """The channels in another order.

    >>> permute_channels(from_array(np.array([[[1]], [[2]], [[3]]])), [2, 0, 1]).flatten()
    tensor([3, 1, 2])
    """
    if is_pil(inpt):
        return to_pil_image(permute_channels(pil_to_tensor(inpt), permutation))
    order = permutation.tolist() if isinstance(permutation, Tensor) else list(permutation)
    if len(order) != get_num_channels(inpt):
        raise ValueError(
            f"permute_channels: expected {get_num_channels(inpt)} numbers of channels, found {permutation!r}"
        )
    return inpt[..., order, :, :]


def grayscale_to_rgb(inpt: Any) -> Any:
    """A grey image with three equal channels; another one itself."""
    if is_pil(inpt):
        return inpt.convert("RGB")
    return inpt if get_num_channels(inpt) >= 3 else rgb_to_grayscale(inpt, 3)


def to_image(inpt: Any) -> Tensor:
    """A PIL image or an array (H, W, C) or (H, W) as a tensor (C, H, W) of its dtype; a tensor itself, or of
    (H, W) the one channel.

    >>> to_image(np.zeros((4, 5, 3), np.uint8)).shape
    torch.Size([3, 4, 5])
    """
    if is_pil(inpt):
        return pil_to_tensor(inpt)
    if isinstance(inpt, np.ndarray):
        return from_array(np.atleast_3d(inpt).transpose(2, 0, 1).copy())
    if isinstance(inpt, Tensor):
        check_image("to_image", inpt)
        return inpt if inpt.ndim > 2 else inpt[None]
    raise TypeError(f"to_image: expected a PIL image, an array or a tensor, found {type(inpt).__name__}")


def to_dtype(inpt: Tensor, dtype: Any = float32, scale: bool = False) -> Tensor:
    """A tensor in another dtype; with ``scale`` by :func:`convert_image_dtype`: what is white stays white."""
    if not isinstance(inpt, Tensor):
        raise TypeError(f"to_dtype: expected a tensor, found {type(inpt).__name__}; convert it by to_image")
    check_dtype("to_dtype", dtype)
    if not scale:
        return inpt.to(dtype)
    if inpt.array.dtype.kind in "iu" and np.dtype(dtype).kind == "f":
        return inpt.to(dtype) * (1 / white(inpt.array.dtype))  # version 1 divides: other last digits
    return convert_image_dtype(inpt, dtype)


def gaussian_noise(inpt: Tensor, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Tensor:
    """A tensor with normal noise.

    Args:
        inpt: floats from 0 to 1, or bytes, whose noise is multiplied by 255.
        mean, sigma: mean and standard deviation of the noise.
        clip: whether pixels stay in the range of the dtype; without it bytes wrap.

    Raises:
        TypeError: no tensor.
        ValueError: a negative sigma; another dtype.
    """
    if not isinstance(inpt, Tensor):
        raise TypeError(
            f"gaussian_noise: expected a tensor, found {type(inpt).__name__}; convert by to_image"
        )
    if sigma < 0:
        raise ValueError(f"gaussian_noise: sigma shouldn't be negative, found {sigma}")
    if inpt.is_floating_point():
        noisy = inpt + (mean + randn_like(inpt) * sigma)
        return noisy.clamp(0, 1) if clip else noisy
    if inpt.array.dtype != np.uint8:
        raise ValueError(f"gaussian_noise: expected floats or bytes, found {inpt.dtype}")
    noise = mean * 255 + randn_like(inpt, dtype=float32) * (sigma * 255)
    whole = inpt.to(np.int16) + noise.to(np.int16)
    return (whole.clamp(0, 255) if clip else whole).to(np.uint8)


__all__ = [
    "InterpolationMode",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "adjust_sharpness",
    "affine",
    "autocontrast",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "elastic",
    "elastic_transform",
    "equalize",
    "erase",
    "five_crop",
    "gaussian_blur",
    "gaussian_noise",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "get_num_channels",
    "get_size",
    "grayscale_to_rgb",
    "hflip",
    "horizontal_flip",
    "invert",
    "normalize",
    "pad",
    "permute_channels",
    "perspective",
    "pil_to_tensor",
    "posterize",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "solarize",
    "ten_crop",
    "to_dtype",
    "to_grayscale",
    "to_image",
    "to_pil_image",
    "to_tensor",
    "vertical_flip",
    "vflip",
]
