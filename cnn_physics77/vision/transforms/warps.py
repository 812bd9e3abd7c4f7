"""Images whose points are moved, or smoothed: a part of ``torchvision.transforms.functional``.

A PIL image is computed by Pillow; a tensor (..., C, H, W) by ``nn.functional.grid_sample``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.creation.creation import ones, tensor
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.pad import pad
from cnn_physics77.core.operations.nn.convolution import conv2d
from cnn_physics77.core.operations.nn.grid_sample import grid_sample
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.transforms.arguments import NUMBER, check_numbers, kernel_sizes, numbers_of
from cnn_physics77.vision.transforms.images import (
    InterpolationMode,
    check_image,
    fills_of,
    is_pil,
    mode_of,
    picture_of,
    pillow,
    pillows_colour,
    pillows_mode,
    pixels_of,
)


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Any = InterpolationMode.NEAREST,
    fill: Any = None,
    center: Sequence[int] | None = None,
) -> Any:
    """The image turned clockwise, sheared, magnified and moved: p ↦ c + t + s R(angle) S(shear) (p - c).

    Args:
        angle: in degrees.
        translate: t, (x, y) in pixels.
        scale: s, positive.
        shear: the angles in degrees by which the vertical and the horizontal lines are inclined; one number
            for the first, a sequence of one for both.
        interpolation: nearest or bilinear; bicubic for a PIL image.
        fill: the value of what was outside; for a tensor one number, or one for each channel.
        center: c, (x, y); None for the middle.
    """
    check_image("affine", img)
    check_numbers("affine", angle=angle, scale=scale)
    translate = numbers_of("affine", "translate", translate, 2)
    if not scale > 0:
        raise ValueError(f"affine: expected a positive scale, found {scale}")
    shears = (shear, 0.0) if isinstance(shear, NUMBER) else numbers_of("affine", "shear", shear, 1, 2)
    shears = shears * 2 if len(shears) == 1 else shears
    center = None if center is None else numbers_of("affine", "center", center, 2)
    width, height = _size(img)
    if is_pil(img):
        middle = (width * 0.5, height * 0.5) if center is None else center
        matrix = _inverse(middle, angle, translate, scale, shears)
        how = pillows_mode(mode_of("affine", interpolation))
        return img.transform(
            img.size,
            pillow("Image").Transform.AFFINE,
            matrix,
            how,
            fillcolor=pillows_colour("affine", img, fill),
        )
    middle = (0.0, 0.0) if center is None else (center[0] - width * 0.5, center[1] - height * 0.5)
    return _moved(
        "affine", img, (*_inverse(middle, angle, translate, scale, shears), 0, 0), interpolation, fill
    )


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[int] | None = None,
    fill: Any = None,
) -> Any:
    """The image turned counter-clockwise.

    Args:
        angle: in degrees.
        expand: whether the image grows so that all of it is seen; meant for a turn around the middle.
        center: (x, y) of the point that stays; None for the middle.
        fill: the colour of what was outside.
    """
    check_image("rotate", img)
    check_numbers("rotate", angle=angle)
    center = None if center is None else numbers_of("rotate", "center", center, 2)
    if is_pil(img):
        how = pillows_mode(mode_of("rotate", interpolation))
        return img.rotate(angle, how, expand, center, fillcolor=pillows_colour("rotate", img, fill))
    width, height = _size(img)
    middle = (0.0, 0.0) if center is None else (center[0] - width * 0.5, center[1] - height * 0.5)
    matrix = _inverse(middle, -angle, (0.0, 0.0), 1.0, (0.0, 0.0))
    size = _grown(matrix, width, height) if expand and width and height else None
    return _moved("rotate", img, (*matrix, 0, 0), interpolation, fill, size=size)


def perspective(
    img: Any,
    startpoints: Sequence[Sequence[int]],
    endpoints: Sequence[Sequence[int]],
    interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
) -> Any:
    """The image as seen from elsewhere: straight lines stay straight.

    Args:
        startpoints: four points (x, y): the corners from the left above on, clockwise.
        endpoints: where they come to lie.
        interpolation, fill: see :func:`affine`.
    """
    check_image("perspective", img)
    for name, points in (("startpoints", startpoints), ("endpoints", endpoints)):
        if not isinstance(points, (Sequence, np.ndarray)) or len(points) != 4:
            raise (ValueError if hasattr(points, "__len__") else TypeError)(
                f"perspective: expected four corners (x, y) as {name}, found {points!r}"
            )
        for point in points:
            numbers_of("perspective", f"each of the {name}", point, 2)
    rows, values = [], []
    for (x, y), (u, v) in zip(endpoints, startpoints):  # u (g x + h y + 1) = a x + b y + c
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    found = np.linalg.lstsq(np.array(rows, np.float64), np.array(values, np.float64), rcond=None)[0]
    coefficients = found.astype(np.float32).tolist()
    if is_pil(img):
        how = pillows_mode(mode_of("perspective", interpolation))
        kind, colour = pillow("Image").Transform.PERSPECTIVE, pillows_colour("perspective", img, fill)
        return img.transform(img.size, kind, coefficients, how, fillcolor=colour)
    return _moved("perspective", img, coefficients, interpolation, fill, middle=False)


def gaussian_blur(img: Any, kernel_size: int | Sequence[int], sigma: Any = None) -> Any:
    """The image smoothed by a Gaussian kernel; beyond its border it is reflected.

    Args:
        kernel_size: the odd size of the kernel, or (horizontal, vertical).
        sigma: its standard deviation, or (horizontal, vertical); None for 0.15 of the size + 0.35.
    """
    check_image("gaussian_blur", img)
    sizes = kernel_sizes("gaussian_blur", kernel_size)
    if sigma is None:
        sigma = [n * 0.15 + 0.35 for n in sizes]
    sigmas = (sigma,) if isinstance(sigma, NUMBER) else numbers_of("gaussian_blur", "sigma", sigma, 1, 2)
    sigmas = sigmas * 2 if len(sigmas) == 1 else sigmas
    if not all(s > 0 for s in sigmas):
        raise ValueError(f"gaussian_blur: expected one or two positive sigmas, found {sigma}")
    width, height = _size(img)
    if width and height and not (width > sizes[0] // 2 and height > sizes[1] // 2):
        raise ShapeError(
            f"gaussian_blur: expected an image of more than {sizes[0] // 2} columns and {sizes[1] // 2} rows "
            f"for the kernel {sizes}, found {width} and {height}"
        )
    if is_pil(img):
        return picture_of(_blurred(pixels_of(img), sizes, sigmas), img)
    return _blurred(img, sizes, sigmas)


def _blurred(img: Tensor, sizes: Sequence[int], sigmas: Sequence[float]) -> Tensor:
    if 0 in img.shape:
        return img
    dtype = img.array.dtype if img.array.dtype.kind == "f" else np.dtype(np.float32)
    across, down = (_bell(n, s, dtype) for n, s in zip(sizes, sigmas))
    kernel = np.outer(down, across).astype(dtype)
    channels = img.shape[-3] if img.ndim > 2 else 1
    images = img.reshape((-1, channels, *img.shape[-2:])).to(dtype)
    images = pad(images, [sizes[0] // 2] * 2 + [sizes[1] // 2] * 2, "reflect")
    weight = from_array(np.ascontiguousarray(np.broadcast_to(kernel, (channels, 1, *kernel.shape))))
    return _as(img, conv2d(images, weight, groups=channels))


def _bell(size: int, sigma: float, dtype: np.dtype) -> np.ndarray:
    """exp(-x² / 2σ²) at the integers around 0, of sum 1."""
    values = np.exp(-0.5 * (np.arange(size, dtype=dtype) - (size - 1) / 2) ** 2 / sigma**2)
    return values / values.sum()


def _size(img: Any) -> tuple[int, int]:
    """(width, height)."""
    return img.size if is_pil(img) else (img.shape[-1], img.shape[-2])


def _as(img: Tensor, made: Tensor) -> Tensor:
    """In the shape and the dtype of the image."""
    made = made.reshape((*img.shape[:-2], *made.shape[-2:]))
    return made if img.is_floating_point() else made.round().to(img.dtype)


def _inverse(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> list[float]:
    """The rows of the affine map that takes a place in the new image to that in the old one."""
    turn, x, y = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    a, b = math.cos(turn - y) / math.cos(y), -math.cos(turn - y) * math.tan(x) / math.cos(y) - math.sin(turn)
    c, d = math.sin(turn - y) / math.cos(y), -math.sin(turn - y) * math.tan(x) / math.cos(y) + math.cos(turn)
    m = [value / scale for value in (d, -b, 0.0, -c, a, 0.0)]  # the determinant of R S is 1
    right, down = -center[0] - translate[0], -center[1] - translate[1]
    m[2] += m[0] * right + m[1] * down + center[0]
    m[5] += m[3] * right + m[4] * down + center[1]
    return m


def _grown(matrix: Sequence[float], width: int, height: int) -> tuple[int, int]:
    """The (width, height) that the corners of an image need after the inverse of a rotation."""
    half = np.array([width * 0.5, height * 0.5], np.float32)
    corners = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]], np.float32) * half
    m = np.array(matrix, np.float32).reshape(2, 3)
    places = corners @ m[:, :2].T + m[:, 2] + half
    exact = np.trunc(places / np.float32(1e-4)) * np.float32(1e-4)  # 1 + 1e-7 is no second pixel
    across, down = np.ceil(exact.max(0)) - np.floor(exact.min(0))
    return int(across), int(down)


def _moved(
    function: str,
    img: Tensor,
    matrix: Sequence[float],
    interpolation: Any,
    fill: Any,
    middle: bool = True,
    size: tuple[int, int] | None = None,
) -> Tensor:
    """The tensor at the places (m₀ x + m₁ y + m₂, m₃ x + m₄ y + m₅) / (m₆ x + m₇ y + 1), counted from the
    middle, or from the upper left corner; of its own size or another (width, height)."""
    mode = mode_of(function, interpolation).value
    if mode not in ("nearest", "bilinear"):
        raise ValueError(f"{function}: expected nearest or bilinear for a tensor, found {mode}")
    width, height = _size(img)
    channels = img.shape[-3] if img.ndim > 2 else 1
    fill = fills_of(function, fill, channels)
    if 0 in img.shape:
        return img
    dtype = img.array.dtype if img.array.dtype.kind == "f" else np.dtype(np.float32)
    images = img.reshape((-1, channels, height, width)).to(dtype)
    columns, rows = (width, height) if size is None else size
    left, top = (columns / 2, rows / 2) if middle else (0, 0)
    x = np.arange(columns, dtype=dtype) + dtype.type(0.5 - left)
    y = (np.arange(rows, dtype=dtype) + dtype.type(0.5 - top))[:, None]
    m = np.array(matrix, dtype)
    m[:3] /= dtype.type(width / 2)
    m[3:6] /= dtype.type(height / 2)
    below = m[6] * x + m[7] * y + 1
    grid = np.stack([(m[0] * x + m[1] * y + m[2]) / below, (m[3] * x + m[4] * y + m[5]) / below], axis=-1)
    grid -= 0 if middle else 1
    return _sampled(img, images, from_array(grid), mode, fill)


def _sampled(img: Tensor, images: Tensor, grid: Tensor, mode: str, fill: Any) -> Tensor:
    """The images (N, C, H, W), which are those of ``img``, at the places of a grid (H', W', 2)."""
    grid = grid.expand((len(images), *grid.shape)).contiguous()
    if fill is not None:
        whole = ones(len(images), 1, *images.shape[2:], dtype=images.dtype)
        images = cat([images, whole], 1)
    made = grid_sample(images, grid, mode=mode, padding_mode="zeros", align_corners=False)
    if fill is not None:
        values = tensor(fill, dtype=made.dtype).reshape((len(fill), 1, 1))
        made, inside = made[:, :-1], made[:, -1:]
        made = (
            made.where(inside >= 0.5, values) if mode == "nearest" else made * inside + (1 - inside) * values
        )
    return _as(img, made)


def elastic_transform(
    img: Any, displacement: Tensor, interpolation: Any = InterpolationMode.BILINEAR, fill: Any = None
) -> Any:
    """The image, each pixel taken from another place.

    Args:
        displacement: (1, H, W, 2), how far to the right and down these places are: 2 is the width and the
            height of the image.
        interpolation, fill: see :func:`affine`; a PIL image is computed as a tensor.
    """
    check_image("elastic_transform", img)
    pixels = pixels_of(img) if is_pil(img) else img
    wanted = (1, *pixels.shape[-2:], 2)
    if not isinstance(displacement, Tensor) or displacement.shape != wanted:
        found = getattr(displacement, "shape", type(displacement).__name__)
        raise (ValueError if isinstance(displacement, Tensor) else TypeError)(
            f"elastic_transform: expected a displacement of shape {wanted}, found {found}"
        )
    mode = mode_of("elastic_transform", interpolation).value
    if mode not in ("nearest", "bilinear"):
        raise ValueError(f"elastic_transform: expected nearest or bilinear, found {mode}")
    height, width = pixels.shape[-2:]
    channels = pixels.shape[-3] if pixels.ndim > 2 else 1
    fill = fills_of("elastic_transform", fill, channels)
    if 0 in pixels.shape:
        return img
    dtype = pixels.array.dtype if pixels.array.dtype.kind == "f" else np.dtype(np.float32)
    images = pixels.reshape((-1, channels, height, width)).to(dtype)
    x, y = ((2 * np.arange(n, dtype=dtype) + 1) / dtype.type(n) - 1 for n in (width, height))
    places = np.stack(np.broadcast_arrays(x, y[:, None]), axis=-1)
    grid = from_array(places) + displacement[0].to(dtype)
    made = _sampled(pixels, images, grid, mode, fill)
    return picture_of(made, img) if is_pil(img) else made


__all__ = ["affine", "elastic_transform", "gaussian_blur", "perspective", "rotate"]
