"""``torchvision.transforms.functional``: functions of images.

An image is a PIL image, or a tensor of shape (..., H, W).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtypes import get_default_dtype
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.creation.creation import as_tensor
from cnn_physics77.core.operations.indexing.cat_split import stack
from cnn_physics77.core.operations.indexing.flip_roll import flip
from cnn_physics77.core.operations.indexing.pad import pad as _pad_tensor
from cnn_physics77.core.operations.nn.interpolate import interpolate
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.transforms.arguments import check_numbers
from cnn_physics77.vision.transforms.colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    rgb_to_grayscale,
    to_grayscale,
)
from cnn_physics77.vision.transforms.images import (
    InterpolationMode,
    check_image,
    convert_image_dtype,
    fills_of,
    is_pil,
    mode_of,
    pillow,
    pillows_colour,
    pillows_mode,
    pixels_of,
)
from cnn_physics77.vision.transforms.tones import (
    adjust_gamma,
    adjust_sharpness,
    autocontrast,
    equalize,
    invert,
    posterize,
    solarize,
)
from cnn_physics77.vision.transforms.warps import (
    affine,
    elastic_transform,
    gaussian_blur,
    perspective,
    rotate,
)


def get_image_size(img: Any) -> list[int]:
    """[width, height]."""
    check_image("get_image_size", img)
    return list(img.size) if is_pil(img) else [img.shape[-1], img.shape[-2]]


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width]."""
    width, height = get_image_size(img)
    channels = len(img.getbands()) if is_pil(img) else img.shape[-3] if img.ndim > 2 else 1
    return [channels, height, width]


def pil_to_tensor(pic: Any) -> Tensor:
    """The pixels of a PIL image, (C, H, W), in their own dtype."""
    if not is_pil(pic):
        raise TypeError(f"pil_to_tensor: pic should be PIL Image. Got {type(pic)}")
    return pixels_of(pic)


def to_tensor(pic: Any) -> Tensor:
    """A PIL image or an array (H, W) or (H, W, C) as a tensor (C, H, W).

    Pixels of 8 bits become floats from 0 to 1, of the default dtype; others keep their values.
    """
    if is_pil(pic):
        tensor = pil_to_tensor(pic)
        if pic.mode == "1":
            tensor = from_array(tensor.array.astype(np.uint8) * np.uint8(255))
        elif pic.mode == "I;16":
            tensor = from_array(tensor.array.astype(np.int16))  # as torchvision, which wraps large values
    elif isinstance(pic, np.ndarray) and pic.ndim in (2, 3):
        pixels = pic[:, :, None] if pic.ndim == 2 else pic
        tensor = from_array(np.array(pixels.transpose(2, 0, 1), order="C"))
    elif isinstance(pic, np.ndarray):
        raise ValueError(f"to_tensor: pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
    else:
        raise TypeError(f"to_tensor: pic should be PIL Image or ndarray. Got {type(pic)}")
    if tensor.array.dtype == np.uint8:
        return tensor.to(get_default_dtype()).div(255)
    return tensor


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), as a PIL image.

    A tensor of floats has values from 0 to 1.

    Args:
        mode: Pillow's mode, if not the usual one of such channels, as ``"YCbCr"``. It only says what the
            numbers mean: they stay.
    """
    if isinstance(pic, Tensor):
        whole = pic.is_floating_point() and mode != "F"
        pixels = (pic.detach().mul(255).to(np.uint8) if whole else pic.detach()).array
        pixels = pixels[None] if pixels.ndim == 2 else pixels
        if pixels.ndim == 3:
            pixels = pixels.transpose(1, 2, 0)
    elif isinstance(pic, np.ndarray):
        pixels = pic[:, :, None] if pic.ndim == 2 else pic
    else:
        raise TypeError(f"to_pil_image: pic should be Tensor or ndarray. Got {type(pic)}.")
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4:
        raise ValueError(
            f"to_pil_image: expected an image of 1 to 4 channels, found shape {tuple(pic.shape)}; make an "
            "image of each sample"
        )
    if pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
        usual = {"u1": "L", "i2": "I;16", "i4": "I", "f4": "F"}.get(pixels.dtype.str[1:])
        modes: tuple[str, ...] = () if usual is None else (usual,)
    else:
        modes = {2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}[pixels.shape[2]]
        usual = modes[0] if pixels.dtype == np.uint8 else None
    if mode not in (None, *modes):
        raise ValueError(
            f"to_pil_image: expected one of the modes {', '.join(modes) or None} for pixels of shape "
            f"{pixels.shape} and dtype {pixels.dtype}, found {mode!r}"
        )
    if usual is not None:
        size = pixels.shape[1], pixels.shape[0]
        return pillow("Image").frombytes(mode or usual, size, np.ascontiguousarray(pixels).tobytes())
    try:
        return pillow("Image").fromarray(np.ascontiguousarray(pixels))
    except TypeError:
        raise TypeError(
            f"to_pil_image: expected pixels of a dtype that Pillow has, found {pixels.dtype} in "
            f"{1 if pixels.ndim == 2 else pixels.shape[2]} channels; convert them to uint8"
        ) from None


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """(tensor - mean) / std, with one mean and standard deviation for each channel of (..., C, H, W)."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"normalize: img should be Tensor Image. Got {type(tensor)}")
    if tensor.array.dtype.kind not in "fc":
        raise TypeError(f"normalize: Input tensor should be a float tensor. Got {tensor.dtype}.")
    if tensor.ndim < 3:
        raise ValueError(
            "normalize: Expected tensor to be a tensor image of size (..., C, H, W). Got "
            f"{tuple(tensor.shape)}"
        )
    try:
        m, s = (as_tensor(value, dtype=tensor.dtype) for value in (mean, std))
    except (TypeError, ValueError):
        raise TypeError(f"normalize: expected numbers as mean and std, found {mean!r} and {std!r}") from None
    if not {m.numel(), s.numel()} <= {1, tensor.shape[-3]}:
        raise ShapeError(
            f"normalize: expected a mean and std for each of {tensor.shape[-3]} channels, or one for all, "
            f"found {m.numel()} and {s.numel()}"
        )
    if not s.array.all():
        raise ValueError(f"normalize: expected standard deviations that are not zero, found {std}")
    m, s = (t.reshape((-1, 1, 1)) if t.ndim == 1 else t for t in (m, s))
    return tensor.sub_(m).div_(s) if inplace else (tensor - m) / s


def hflip(img: Any) -> Any:
    """The image mirrored: left is right."""
    check_image("hflip", img)
    return img.transpose(pillow("Image").FLIP_LEFT_RIGHT) if is_pil(img) else flip(img, [-1])


def vflip(img: Any) -> Any:
    """The image upside down."""
    check_image("vflip", img)
    return img.transpose(pillow("Image").FLIP_TOP_BOTTOM) if is_pil(img) else flip(img, [-2])


def _margins(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of one number, of (left and right, top and bottom), or of four."""
    sides = tuple(padding) if isinstance(padding, Sequence) else (padding,)
    if len(sides) not in (1, 2, 4) or not all(isinstance(n, (int, np.integer)) for n in sides):
        raise (ValueError if isinstance(padding, Sequence) else TypeError)(
            f"pad: expected a padding of 1, 2, or 4 integers, found {padding!r}"
        )
    left, top, right, bottom = sides * (4 // len(sides))
    return left, top, right, bottom


def pad(
    img: Any,
    padding: int | Sequence[int],
    fill: float | Sequence[float] | None = 0,
    padding_mode: str = "constant",
) -> Any:
    """The image with a margin.

    Args:
        padding: the width of the margin: one number, [left and right, top and bottom], or [left, top, right,
            bottom].
        fill: the value of the margin, or one for each channel; None for 0.
        padding_mode: ``"constant"``, or the image's ``"edge"``, ``"reflect"`` or ``"symmetric"``.
    """
    check_image("pad", img)
    left, top, right, bottom = _margins(padding)
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(
            f"pad: expected a padding_mode of constant, edge, reflect or symmetric, found {padding_mode!r}"
        )
    if padding_mode == "constant":
        fill = 0 if fill is None else fill
        if is_pil(img):
            colour = pillows_colour("pad", img, fill)
            return pillow("ImageOps").expand(img, (left, top, right, bottom), fill=colour)
        values, margins = fills_of("pad", fill, get_dimensions(img)[0]), (left, right, top, bottom)
        if len({*values}) <= 1:
            return _pad_tensor(img, margins, value=values[0] if values else 0)
        planes = zip(img.unbind(-3), values)
        return stack([_pad_tensor(plane, margins, value=value) for plane, value in planes], -3)
    width, height = get_image_size(img)
    rows, columns = _padded(height, top, bottom, padding_mode), _padded(width, left, right, padding_mode)
    if is_pil(img):
        padded = pillow("Image").fromarray(np.asarray(img)[rows][:, columns])
        if img.mode == "P":
            padded.putpalette(img.getpalette())
        return padded
    return img[..., rows.tolist(), :][..., columns.tolist()]


def _padded(size: int, before: int, after: int, padding_mode: str) -> Any:
    """The numbers of the pixels along one axis."""
    inside = np.arange(size)[max(-before, 0) : size - max(-after, 0)]
    if not inside.size:
        raise ShapeError(f"pad: expected pixels to repeat, found {size}, of which padding leaves none")
    return np.pad(inside, (max(before, 0), max(after, 0)), padding_mode)  # type: ignore[call-overload]


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The part of the image from (top, left) on; zero outside of the image."""
    check_image("crop", img)
    check_numbers("crop", top=top, left=left, height=height, width=width)
    if is_pil(img):
        return img.crop((left, top, left + width, top + height))
    if not all(isinstance(n, (int, np.integer)) for n in (top, left, height, width)):
        raise TypeError(
            f"crop: expected integers top, left, height and width, found {(top, left, height, width)}"
        )
    (rows, *outer), (columns, *margins) = _part(top, height, img.shape[-2]), _part(left, width, img.shape[-1])
    inside = img[..., rows, columns]
    return _pad_tensor(inside, [*margins, *outer]) if any((*margins, *outer)) else inside


def _part(start: int, length: int, size: int) -> tuple[slice, int, int]:
    """What lies inside of an image that has this size, and how much lies before and after it."""
    first, last = min(max(start, 0), size), min(max(start + length, 0), size)
    before = min(max(-start, 0), length)
    return slice(first, last), before, length - before - (last - first)


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """The middle of the image, of size (height, width); zero outside of the image."""
    height, width = _pair("center_crop", output_size)
    old_width, old_height = get_image_size(img)
    if width > old_width or height > old_height:
        sides = (
            (width - old_width) // 2 if width > old_width else 0,
            (height - old_height) // 2 if height > old_height else 0,
            (width - old_width + 1) // 2 if width > old_width else 0,
            (height - old_height + 1) // 2 if height > old_height else 0,
        )
        img = pad(img, sides)
        old_width, old_height = get_image_size(img)
    top, left = round((old_height - height) / 2.0), round((old_width - width) / 2.0)
    return crop(img, top, left, height, width)


def _sizes(function: str, size: Any) -> tuple[int, ...]:
    """One or two integers."""
    sizes = tuple(size) if isinstance(size, (Sequence, np.ndarray)) else (size,)
    if len(sizes) not in (1, 2) or not all(isinstance(n, (int, np.integer)) and n > 0 for n in sizes):
        raise (ValueError if isinstance(size, (Sequence, int)) else TypeError)(
            f"{function}: expected a size of one or two positive integers (height, width), found {size!r}"
        )
    return sizes


def _pair(function: str, size: Any) -> tuple[int, int]:
    sizes = _sizes(function, size)
    return sizes[0], sizes[-1]


def resize(
    img: Any,
    size: int | Sequence[int],
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """An image of another size: a PIL image by Pillow, a tensor by ``nn.functional.interpolate``.

    Args:
        size: (height, width), or the size of the smaller side; the proportions are then kept.
        interpolation: an :class:`InterpolationMode`, or Pillow's constant.
        max_size: the largest size of the longer side, with one number as ``size``.
        antialias: whether a tensor is smoothed before it gets smaller; Pillow always does it.
    """
    check_image("resize", img)
    height, width = new_size(img, size, max_size)
    interpolation = mode_of("resize", interpolation)
    mode = interpolation.value
    nearest = mode.startswith("nearest")
    if is_pil(img):
        return img.resize((width, height), pillows_mode(interpolation))
    if mode not in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        raise ValueError(f"resize: expected nearest, bilinear or bicubic for a tensor, found {mode}")
    images = img.reshape((math.prod(img.shape[:-3]), *img.shape[-3:])) if img.ndim > 2 else img[None, None]
    if not img.is_floating_point():
        images = images.to(np.float32)
    smooth = bool(antialias) and not nearest
    corners = None if nearest else False
    made = interpolate(images, (height, width), mode=mode, align_corners=corners, antialias=smooth)
    if not img.is_floating_point():
        made = (
            (made.clamp(0, 255) if mode == "bicubic" and img.array.dtype == np.uint8 else made)
            .round()
            .to(img.dtype)
        )
    return made.reshape((*img.shape[:-2], height, width))


def new_size(img: Any, size: Any, max_size: int | None) -> tuple[int, int]:
    """The (height, width) that :func:`resize` gives to an image."""
    if 0 in get_image_size(img):
        raise ShapeError(f"resize: expected an image with pixels, found {get_dimensions(img)[1:]}")
    if max_size is not None and not isinstance(max_size, (int, np.integer)):
        raise TypeError(f"resize: expected an integer or None as max_size, found {max_size!r}")
    sizes = _sizes("resize", size)
    if len(sizes) == 2:
        if max_size is not None:
            raise ValueError("resize: expected max_size with one number as size, found two numbers")
        return sizes[0], sizes[1]
    width, height = get_image_size(img)
    short, long = min(width, height), max(width, height)
    new_short, new_long = sizes[0], int(sizes[0] * long / short)
    if max_size is not None:
        if max_size <= sizes[0]:
            raise ValueError(
                f"resize: expected a max_size greater than the size of the smaller side {sizes[0]}, "
                f"found {max_size}"
            )
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_short, new_long) if height <= width else (new_long, new_short)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A part of the image (:func:`crop`) in another size (:func:`resize`)."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False) -> Tensor:
    """A tensor with v in the part (h, w) from (i, j) on."""
    if not isinstance(img, Tensor):
        raise TypeError(f"erase: expected a tensor, found {type(img).__name__}; convert by to_tensor")
    if not inplace:
        img = img.clone()
    part = img[..., i : i + h, j : j + w]
    try:
        part[...] = v
    except ShapeError:
        raise ShapeError(
            f"erase: expected values that broadcast to {tuple(part.shape)}, found shape {tuple(np.shape(v))}"
        ) from None
    return img


def five_crop(img: Any, size: int | Sequence[int]) -> tuple[Any, ...]:
    """The four corners of the image, row by row, and its middle."""
    height, width = _pair("five_crop", size)
    old_width, old_height = get_image_size(img)
    if width > old_width or height > old_height:
        raise ValueError(
            f"five_crop: Requested crop size {(height, width)} is bigger than input size "
            f"{(old_height, old_width)}"
        )
    corners = [(y, x) for y in (0, old_height - height) for x in (0, old_width - width)]
    return (*(crop(img, y, x, height, width) for y, x in corners), center_crop(img, [height, width]))


def ten_crop(img: Any, size: int | Sequence[int], vertical_flip: bool = False) -> tuple[Any, ...]:
    """:func:`five_crop` of the image and of its mirror image, or of the image upside down."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


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
    "elastic_transform",
    "equalize",
    "erase",
    "five_crop",
    "gaussian_blur",
    "get_dimensions",
    "get_image_size",
    "hflip",
    "invert",
    "normalize",
    "pad",
    "perspective",
    "pil_to_tensor",
    "posterize",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "solarize",
    "ten_crop",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]
