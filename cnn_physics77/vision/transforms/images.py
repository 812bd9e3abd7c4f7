"""What an image is: a PIL image, or a tensor of shape (..., H, W)."""

from __future__ import annotations

import importlib
import io
import os
from enum import Enum
from typing import Any

from cnn_physics77.core.tensor import Tensor


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
