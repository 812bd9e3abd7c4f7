"""Boxes of images (regions of interest), each divided into bins, and the pixels of the bins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.nn.modules.utils import _pair


def rois(
    function: str,
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | tuple[int, int],
    spatial_scale: float,
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """The images (K) of boxes (K, 5) or of a list of boxes (L, 4), their corners (x1, y1, x2, y2) in pixels,
    in 32 bits at least, and the bins (down, across) of a box.
    """
    bins = _pair(output_size)
    if len(bins) != 2 or not all(isinstance(n, (int, np.integer)) and n > 0 for n in bins):
        raise ValueError(
            f"{function}: expected one or two positive integers (height, width) as output_size, found "
            f"{output_size!r}"
        )
    several = not isinstance(boxes, Tensor)
    parts: list[Tensor] = [boxes] if isinstance(boxes, Tensor) else [*boxes]
    check_tensors(function, input, *parts, kinds="f")
    if input.ndim != 4:
        raise ShapeError(f"{function}: expected an input (N, C, H, W), found shape {tuple(input.shape)}")
    for part in parts:
        if part.ndim != 2 or part.shape[1] != (4 if several else 5):
            raise ShapeError(
                f"{function}: expected boxes (K, 5) with the number of the image first, or a list of boxes "
                f"(L, 4) for each image, found shape {tuple(part.shape)}{' in a list' if several else ''}"
            )
    rows = [np.insert(part.array, 0, i, axis=1) if several else part.array for i, part in enumerate(parts)]
    found = np.concatenate(rows) if rows else np.empty((0, 5), input.array.dtype)
    wrong = found[~((found[:, 0] >= 0) & (found[:, 0] < len(input))), 0]
    if wrong.size:
        raise ShapeError(
            f"{function}: expected boxes of images 0 to {len(input) - 1}, found one of image {wrong[0]:g}"
        )
    found = found.astype(np.result_type(found, np.float32), copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        corners = found[:, 1:] * found.dtype.type(spatial_scale)
    return found[:, 0].astype(int), corners, bins


def each_of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The owners 0, 1, ... of so many elements each, and the number of each element among those of its owner.

    >>> each_of(np.array([2, 0, 3]))
    (array([0, 0, 2, 2, 2]), array([0, 1, 0, 1, 2]))
    """
    owner = np.arange(len(counts)).repeat(counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]


def pixels_of_bins(
    images: np.ndarray,
    places: Sequence[np.ndarray],
    counts: Sequence[np.ndarray],
    size: Sequence[int],
    at_once: int,
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """The pixels of the bins, for some boxes at once: of about so many pixels in all, or of one box.

    Args:
        images: the image of each box, (K).
        places: the rows and the columns of the bins, one after another.
        counts: how many rows and columns each bin of each box takes, (K, bins).
        size: (height, width) of the images.

    Yields:
        How many bins these boxes have; and for each pixel, row by row of each bin, the number of its bin
        among them, its own number among those of all images, and where its row and its column stand in
        ``places``.
    """
    down, across = counts
    firsts = [(np.cumsum(n) - n.reshape(-1)).reshape(n.shape) for n in counts]
    block = np.cumsum(down.sum(1) * across.sum(1)) // at_once
    edges = [0, *np.flatnonzero(np.diff(block)) + 1, len(down)]
    for start, stop in pairwise(edges):
        part = slice(int(start), int(stop))
        taken = down[part, :, None] * across[part, None]
        bin_, place = each_of(taken.reshape(-1))
        image, width, top, left = (
            np.broadcast_to(n, taken.shape).reshape(-1)[bin_]
            for n in (
                images[part, None, None],
                across[part, None],
                firsts[0][part, :, None],
                firsts[1][part, None],
            )
        )
        row, column = np.divmod(place, width)
        row, column = row + top, column + left
        pixel = (image * size[0] + places[0][row]) * size[1] + places[1][column]
        yield taken.size, bin_, pixel, row, column


def pixels_of(input: Tensor) -> Tensor:
    """(N, C, H, W) as the rows (N H W, C)."""
    n, channels, height, width = input.shape
    return input.permute((0, 2, 3, 1)).reshape((n * height * width, channels))


def of_bins(parts: Sequence[Tensor], boxes: int, bins: tuple[int, int]) -> Tensor:
    """The rows of all bins as (K, C, height, width)."""
    rows = cat(parts) if len(parts) > 1 else parts[0]
    return rows.reshape((boxes, *bins, rows.shape[1])).permute((0, 3, 1, 2)).contiguous()
