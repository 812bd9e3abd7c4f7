"""``torchvision.io``: images in files as uint8 tensors (C, H, W), by Pillow."""

from __future__ import annotations

import io
import os
from enum import Enum
from typing import Any

import numpy as np

from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.transforms.functional import pil_to_tensor, to_pil_image
from cnn_physics77.vision.transforms.images import pillow, write_image


class ImageReadMode(Enum):
    """Which channels an image gets."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4


_MODES = {"GRAY": "L", "GRAY_ALPHA": "LA", "RGB": "RGB", "RGB_ALPHA": "RGBA"}


def _decoded(function: str, source: Any, mode: ImageReadMode | str) -> Tensor:
    if isinstance(mode, str) and mode.upper() in ImageReadMode.__members__:
        mode = ImageReadMode[mode.upper()]
    if not isinstance(mode, ImageReadMode):
        known = ", ".join(ImageReadMode.__members__)
        raise ValueError(f"{function}: expected an ImageReadMode or one of {known}, found {mode!r}")
    with pillow("Image").open(source) as image:
        kind = _MODES.get(mode.name)
        if kind is None and image.mode in ("1", "P"):  # bits, and numbers of colours: as their colours
            kind = "L" if image.mode == "1" else "RGBA" if "transparency" in image.info else "RGB"
        return pil_to_tensor(image if kind is None else image.convert(kind))


def read_image(path: str | os.PathLike[str], mode: ImageReadMode | str = ImageReadMode.UNCHANGED) -> Tensor:
    """The image in a file.

    Args:
        path: the file.
        mode: which channels it gets, also by name: ``"RGB"``. Unchanged, an image of numbered colours has
            three or, if some are transparent, four.

    Raises:
        OSError: the file is not there, or is no image.
        ValueError: another mode.
    """
    return _decoded("read_image", os.fspath(path), mode)


def decode_image(
    input: Tensor | str | os.PathLike[str], mode: ImageReadMode | str = ImageReadMode.UNCHANGED
) -> Tensor:
    """The image in a file, or in a uint8 tensor of its bytes; else as :func:`read_image`."""
    if isinstance(input, Tensor):
        if input.array.dtype != np.uint8:
            raise TypeError(f"decode_image: expected bytes in a uint8 tensor, found {input.dtype}")
        return _decoded("decode_image", io.BytesIO(input.array.tobytes()), mode)
    return read_image(input, mode)


def read_file(path: str | os.PathLike[str]) -> Tensor:
    """The bytes of a file, a uint8 tensor."""
    return from_array(np.fromfile(path, np.uint8))


def _written(image: Any, format: str, **options: Any) -> Tensor:
    file = io.BytesIO()
    write_image(image, file, format, **options)
    return from_array(np.frombuffer(file.getvalue(), np.uint8).copy())


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """The bytes that :func:`write_png` writes, a uint8 tensor.

    >>> import cnn_physics77 as torch
    >>> image = torch.arange(6, dtype=torch.uint8).reshape(1, 2, 3)
    >>> torch.equal(decode_image(encode_png(image)), image)
    True
    """
    _check_level("encode_png", compression_level)
    return _written(_image("encode_png", input), "PNG", compress_level=compression_level)


def encode_jpeg(input: Tensor, quality: int = 75) -> Tensor:
    """The bytes that :func:`write_jpeg` writes, a uint8 tensor."""
    return _written(_jpeg("encode_jpeg", input, quality), "JPEG", quality=quality)


def decode_png(input: Tensor, mode: ImageReadMode | str = ImageReadMode.UNCHANGED) -> Tensor:
    """:func:`decode_image` of bytes."""
    return decode_image(input, mode)


decode_jpeg = decode_png


def write_file(filename: str | os.PathLike[str], data: Tensor) -> None:
    """Write bytes, a uint8 tensor."""
    if not isinstance(data, Tensor) or data.array.dtype != np.uint8:
        raise TypeError(
            f"write_file: expected bytes in a uint8 tensor, found {getattr(data, 'dtype', data)!r}"
        )
    data.array.tofile(filename)


def _check_level(function: str, level: int) -> None:
    if not 0 <= level <= 9:
        raise ValueError(f"{function}: Compression level should be between 0 and 9, found {level}")


def _jpeg(function: str, input: Tensor, quality: int) -> Any:
    if not 1 <= quality <= 100:
        raise ValueError(
            f"{function}: Image quality should be a positive number between 1 and 100, found {quality}"
        )
    image = _image(function, input)
    if image.mode not in ("L", "RGB"):
        raise ValueError(f"{function}: expected 1 or 3 channels, found shape {tuple(input.shape)}")
    return image


def write_png(input: Tensor, filename: str | os.PathLike[str], compression_level: int = 6) -> None:
    """Write an image, uint8 (C, H, W) of 1 to 4 channels, as PNG.

    Raises:
        TypeError: another dtype.
        ValueError: another number of channels; a level that is not from 0 to 9.
    """
    _check_level("write_png", compression_level)
    write_image(_image("write_png", input), filename, "PNG", compress_level=compression_level)


def write_jpeg(input: Tensor, filename: str | os.PathLike[str], quality: int = 75) -> None:
    """Write an image, uint8 (C, H, W) of 1 or 3 channels, as JPEG.

    Raises:
        TypeError: another dtype.
        ValueError: another number of channels; a quality that is not from 1 to 100.
    """
    image = _jpeg("write_jpeg", input, quality)
    write_image(image, filename, "JPEG", quality=quality)


def _image(function: str, input: Tensor) -> Any:
    if not isinstance(input, Tensor) or input.array.dtype != np.uint8:
        found = input.dtype if isinstance(input, Tensor) else type(input).__name__
        raise TypeError(
            f"{function}: expected a uint8 tensor (C, H, W), found {found}; floats from 0 to 1 are written "
            "by torchvision.utils.save_image"
        )
    return to_pil_image(input)


__all__ = [
    "ImageReadMode",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "encode_jpeg",
    "encode_png",
    "read_file",
    "read_image",
    "write_file",
    "write_jpeg",
    "write_png",
]
