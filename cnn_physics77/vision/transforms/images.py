"""What an image is: a PIL image, or a tensor of shape (..., H, W)."""

from __future__ import annotations

import importlib
from typing import Any

from cnn_physics77.core.tensor import Tensor


def pillow(module: str) -> Any:
    """A module of Pillow."""
    try:
        return importlib.import_module(f"PIL.{module}")
    except ImportError:
        raise ImportError(
            "transforms: a PIL image needs the package Pillow; pip install pillow", name="PIL"
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
