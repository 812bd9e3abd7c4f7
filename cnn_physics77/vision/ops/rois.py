"""Boxes of images (regions of interest), each divided into bins, and the pixels of the bins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.tensor import Tensor


def rois(function: str, input: Tensor, boxes: Tensor | Sequence[Tensor]) -> np.ndarray:
    """Rows (image, x1, y1, x2, y2), in 32 bits at least, of boxes (K, 5) or of a list of boxes (L, 4)."""
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
    return found.astype(np.result_type(found, np.float32), copy=False)


def each_of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The owners 0, 1, ... of so many elements each, and the number of each element among those of its owner.

    >>> each_of(np.array([2, 0, 3]))
    (array([0, 0, 2, 2, 2]), array([0, 1, 0, 1, 2]))
    """
    owner = np.arange(len(counts)).repeat(counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]


def pairs(
    down: np.ndarray, across: np.ndarray, at_once: int
) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
    """The pixels of the bins, for some boxes at once: of about so many pixels in all, or of one box.

    Args:
        down, across: how many rows and columns each bin of each box takes, (K, bins).

    Yields:
        Which boxes; and for each pixel, row by row of each bin, the number of its bin among those of these
        boxes, and the places of its row and its column in the lists that ``down`` and ``across`` count.
    """
    firsts = [(np.cumsum(n) - n.reshape(-1)).reshape(n.shape) for n in (down, across)]
    block = np.cumsum(down.sum(1) * across.sum(1)) // at_once
    edges = [0, *np.flatnonzero(np.diff(block)) + 1, len(down)]
    for start, stop in pairwise(edges):
        part = slice(int(start), int(stop))
        counts = down[part, :, None] * across[part, None]
        bin_, place = each_of(counts.reshape(-1))
        width, top, left = (
            np.broadcast_to(n, counts.shape).reshape(-1)[bin_]
            for n in (across[part, None], firsts[0][part, :, None], firsts[1][part, None])
        )
        row, column = np.divmod(place, width)
        yield part, bin_, top + row, left + column


def pixels_of(input: Tensor) -> Tensor:
    """(N, C, H, W) as the rows (N H W, C)."""
    n, channels, height, width = input.shape
    return input.permute((0, 2, 3, 1)).reshape((n * height * width, channels))


def of_bins(parts: Sequence[Tensor], boxes: int, bins: tuple[int, int]) -> Tensor:
    """The rows of all bins as (K, C, height, width)."""
    rows = cat(parts) if len(parts) > 1 else parts[0]
    return rows.reshape((boxes, *bins, rows.shape[1])).permute((0, 3, 1, 2)).contiguous()
