"""``torchvision.io``: images in files as uint8 tensors (C, H, W), by Pillow."""

from __future__ import annotations

import io
import os
from enum import Enum
from typing import Any

import numpy as np

from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.transforms.functional import pil_to_tensor, to_pil_image


class ImageReadMode(Enum):
    """Which channels an image gets."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4


_MODES = {"GRAY": "L", "GRAY_ALPHA": "LA", "RGB": "RGB", "RGB_ALPHA": "RGBA"}


def _decoded(source: Any, mode: ImageReadMode | str) -> Tensor:
    from PIL import Image

    mode = ImageReadMode[mode.upper()] if isinstance(mode, str) else mode
    with Image.open(source) as image:
        return pil_to_tensor(image if mode is ImageReadMode.UNCHANGED else image.convert(_MODES[mode.name]))


def read_image(path: str | os.PathLike[str], mode: ImageReadMode | str = ImageReadMode.UNCHANGED) -> Tensor:
    """The image in a file.

    Args:
        path: the file.
        mode: which channels it gets, also by name: ``"RGB"``.

    Raises:
        OSError: the file is not there, or is no image.
    """
    return _decoded(os.fspath(path), mode)


def decode_image(
    input: Tensor | str | os.PathLike[str], mode: ImageReadMode | str = ImageReadMode.UNCHANGED
) -> Tensor:
    """The image in a file, or in a uint8 tensor of its bytes; else as :func:`read_image`."""
    if isinstance(input, Tensor):
        return _decoded(io.BytesIO(input.array.tobytes()), mode)
    return read_image(input, mode)


def read_file(path: str | os.PathLike[str]) -> Tensor:
    """The bytes of a file, a uint8 tensor."""
    return from_array(np.fromfile(path, np.uint8))


def write_png(input: Tensor, filename: str | os.PathLike[str], compression_level: int = 6) -> None:
    """Write an image, uint8, as PNG."""
    to_pil_image(input).save(filename, format="PNG", compress_level=compression_level)


def write_jpeg(input: Tensor, filename: str | os.PathLike[str], quality: int = 75) -> None:
    """Write an image, uint8, as JPEG."""
    to_pil_image(input).save(filename, format="JPEG", quality=quality)


__all__ = ["ImageReadMode", "decode_image", "read_file", "read_image", "write_jpeg", "write_png"]
