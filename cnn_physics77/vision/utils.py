"""``torchvision.utils``: many images as one, and image files."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.core.operations.indexing.cat_split import stack
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.drawing import draw_bounding_boxes, draw_keypoints, draw_segmentation_masks
from cnn_physics77.vision.transforms.images import pillow, write_image


def make_grid(
    tensor: Tensor | list[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Images side by side, as one image (C, H, W). Grey images get three equal channels.

    Args:
        tensor: images (N, C, H, W), or a list of (C, H, W); also one image.
        nrow: images in a row.
        padding: the width of the lines between them.
        normalize: shift and scale the values to 0 ... 1.
        value_range: (low, high) that become 0 and 1; by default the extremes of the values.
        scale_each: normalize each image by its own extremes.
        pad_value: the value of the lines.

    Raises:
        TypeError: no tensors, or integers to normalize.
        ValueError: no pixels.

    >>> import cnn_physics77 as torch
    >>> make_grid(torch.zeros(5, 1, 4, 6), nrow=3).shape == (3, 14, 26)
    True
    """
    if isinstance(tensor, list) and all(isinstance(t, Tensor) for t in tensor):
        tensor = stack(tensor)
    if not isinstance(tensor, Tensor) or not 2 <= tensor.ndim <= 4:
        found = f"shape {tuple(tensor.shape)}" if isinstance(tensor, Tensor) else type(tensor).__name__
        raise TypeError(
            f"make_grid: tensor or list of tensors expected, (N, C, H, W) or (C, H, W), got {found}"
        )
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError(
            "make_grid: value_range has to be a tuple (min, max) if specified. min and max are numbers"
        )
    if normalize and not tensor.is_floating_point():
        raise TypeError(
            f"make_grid: expected floats to normalize, found {tensor.dtype}; convert them by float()"
        )
    if nrow < 1 or 0 in tensor.shape:
        raise ValueError(
            f"make_grid: expected pixels and nrow of at least 1, found shape {tuple(tensor.shape)} and "
            f"nrow={nrow}"
        )
    images = tensor.detach().array
    images = images.reshape((1,) * (4 - images.ndim) + images.shape)
    if images.shape[1] == 1:
        images = np.repeat(images, 3, axis=1)
    if normalize:
        parts = images if scale_each else images[None]
        images = np.stack([_normalized(part, value_range) for part in parts]).reshape(images.shape)
    count, channels, height, width = images.shape
    if count == 1:
        return from_array(images[0].copy())
    columns = min(nrow, count)
    rows = -(-count // columns)
    height, width = height + padding, width + padding
    grid = np.full(
        (channels, height * rows + padding, width * columns + padding), pad_value, dtype=images.dtype
    )
    for number, image in enumerate(images):
        top, left = number // columns * height + padding, number % columns * width + padding
        grid[:, top : top + height - padding, left : left + width - padding] = image
    return from_array(grid)


def _normalized(values: np.ndarray, value_range: tuple[float, float] | None) -> np.ndarray:
    low, high = (float(values.min()), float(values.max())) if value_range is None else value_range
    return (values.clip(low, high) - values.dtype.type(low)) / values.dtype.type(max(high - low, 1e-5))


def save_image(tensor: Tensor | list[Tensor], fp: Any, format: str | None = None, **kwargs: Any) -> None:
    """Write :func:`make_grid` of images, whose values are from 0 to 1, to a file. It needs Pillow.

    Args:
        tensor: the images.
        fp: a path, or a binary file.
        format: the format, if the path does not say it.
        **kwargs: of :func:`make_grid`.
    """
    grid = make_grid(tensor, **kwargs).array
    pixels = (grid * 255 + 0.5).clip(0, 255).transpose(1, 2, 0).astype(np.uint8)
    write_image(pillow("Image").fromarray(np.ascontiguousarray(pixels)), fp, format)


__all__ = ["draw_bounding_boxes", "draw_keypoints", "draw_segmentation_masks", "make_grid", "save_image"]
