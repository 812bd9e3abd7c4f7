"""What an image is: a PIL image, or a tensor of shape (..., H, W)."""

from __future__ import annotations

import importlib
import io
import os
from enum import Enum
from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtypes import float32
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.transforms.arguments import NUMBER, check_dtype, numbers_of


class InterpolationMode(Enum):
    """How the pixels of a resized image are computed."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


def pillow(module: str) -> Any:
    """A module of Pillow."""
    try:
        return importlib.import_module(f"PIL.{module}")
    except ImportError:
        raise ImportError(
            "an image of Pillow's needs the package Pillow; pip install pillow", name="PIL"
        ) from None


def is_pil(image: Any) -> bool:
    """Whether it is Pillow's, without importing that."""
    return type(image).__module__.partition(".")[0] == "PIL" or any(
        kind.__module__.startswith("PIL.") for kind in type(image).__mro__
    )


def check_image(function: str, image: Any) -> None:
    """Raise a TypeError unless it is an image."""
    if not (is_pil(image) or (isinstance(image, Tensor) and image.ndim >= 2)):
        found = (
            f"a tensor of shape {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        )
        raise TypeError(f"{function}: expected a PIL image or a tensor (..., H, W), found {found}")


def white(dtype: np.dtype) -> int:
    """The value of white pixels: 1, or the largest integer."""
    return int(np.iinfo(dtype).max) if dtype.kind in "iu" else 1


def convert_image_dtype(image: Tensor, dtype: Any = float32) -> Tensor:
    """A tensor in another dtype, with values from 0 to 1, or up to the largest integer.

    >>> import cnn_physics77 as torch
    >>> convert_image_dtype(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """
    if not isinstance(image, Tensor):
        raise TypeError(
            f"convert_image_dtype: Input img should be Tensor Image, found {type(image).__name__}"
        )
    check_dtype("convert_image_dtype", dtype)
    old, new = image.array.dtype, np.dtype(dtype)
    if old == new:
        return image
    if new.kind == "f":
        return image.to(new) if old.kind == "f" else image.to(new) / white(old)
    if old.kind == "f":
        if new.itemsize >= old.itemsize:
            raise RuntimeError(f"The cast from {image.dtype} to torch.{new} cannot be performed safely.")
        return (image * (white(new) + 1.0 - 1e-3)).to(new)
    before, after = white(old), white(new)
    if before > after:
        return (image // ((before + 1) // (after + 1))).to(new)
    return image.to(new) * ((after + 1) // (before + 1))


def pixels_of(picture: Any) -> Tensor:
    """The pixels of a PIL image, (C, H, W), in their own dtype."""
    pixels = np.array(picture)
    return from_array(np.ascontiguousarray(np.atleast_3d(pixels).transpose(2, 0, 1)))


def picture_of(pixels: Tensor, like: Any) -> Any:
    """A PIL image of the mode of another one, of pixels of the dtype and the channels of that one."""
    shown = np.ascontiguousarray(pixels.array.transpose(1, 2, 0))
    if like.mode == "1":  # Pillow packs eight into a byte
        return pillow("Image").fromarray(shown[:, :, 0])
    made = pillow("Image").frombytes(like.mode, (shown.shape[1], shown.shape[0]), shown.tobytes())
    if like.mode == "P":
        made.putpalette(like.getpalette())
    return made


def write_image(image: Any, file: Any, format: str | None = None, **options: Any) -> None:
    """Write a PIL image to a path or a binary file; an image that cannot be encoded leaves an old file."""
    if hasattr(file, "write"):
        image.save(file, format=format, **options)
        return
    path = os.fspath(file)
    if format is None:
        ending = os.path.splitext(path)[1].lower()
        format = pillow("Image").registered_extensions().get(ending)
        if format is None:
            raise ValueError(
                f"save_image: expected a path whose ending says the format, as .png, found {path!r}"
            )
    encoded = io.BytesIO()
    image.save(encoded, format=format, **options)
    with open(path, "wb") as opened:
        opened.write(encoded.getvalue())


def pillows_mode(interpolation: InterpolationMode) -> Any:
    """Pillow's constant of a mode. Its nearest pixel is the exact one."""
    name = interpolation.name.removesuffix("_EXACT")
    return pillow("Image").Resampling[name]


def fills_of(function: str, fill: Any, channels: int) -> Any:
    """One number for each channel, of one number or several; None of None."""
    if fill is None:
        return None
    values = (fill,) if isinstance(fill, NUMBER) else numbers_of(function, "fill", fill, 1, channels)
    return values * (channels if len(values) == 1 else 1)


def pillows_colour(function: str, img: Any, fill: Any) -> Any:
    """What Pillow takes: one number for each of several channels."""
    bands = len(img.getbands())
    fill = fills_of(function, fill, bands)
    if fill is not None and img.mode != "F":
        fill = tuple(map(int, fill))
    return fill if fill is None or bands > 1 else fill[0]


def mode_of(function: str, interpolation: Any) -> InterpolationMode:
    """Of a mode, its name, or Pillow's constant."""
    if isinstance(interpolation, InterpolationMode):
        return interpolation
    if interpolation in [mode.value for mode in InterpolationMode]:
        return InterpolationMode(interpolation)
    if isinstance(interpolation, int):
        constants = {constant.value: constant.name for constant in pillow("Image").Resampling}
        if interpolation in constants:
            return InterpolationMode[constants[interpolation]]
    raise (ValueError if isinstance(interpolation, int) else TypeError)(
        f"{function}: expected an InterpolationMode or Pillow's constant as interpolation, found "
        f"{interpolation!r}"
    )
