"""``torchvision.ops.roi_pool``: the largest pixels of parts of images (R. Girshick, arXiv:1504.08083)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnn_physics77 import nn
from cnn_physics77.core.kernels.rows import first_largest
from cnn_physics77.core.operations.indexing.gather_scatter import gather_along
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.operations.sparse.products import weighted_rows
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.ops.rois import each_of, of_bins, pixels_of, pixels_of_bins, rois

AT_ONCE = 1 << 22
"""So many pixels, of all channels, are compared at once."""

LEAST = np.float32(-3.4028235e38)
"""What torchvision compares the pixels with, in every dtype: a bin of smaller ones, or of NaN, has no
largest."""


def _axis(low: np.ndarray, high: np.ndarray, bins: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixels that the bins of each box take along one axis of ``size`` pixels, and how many each takes,
    (K, bins)."""
    edges = np.arange(bins + 1, dtype=low.dtype) * (np.maximum(high - low + 1, 1) / bins)[:, None]
    start = (np.floor(edges[:, :-1]) + low[:, None]).clip(0, size).astype(int)
    counts = ((np.ceil(edges[:, 1:]) + low[:, None]).clip(0, size).astype(int) - start).clip(0)
    owner, place = each_of(counts.reshape(-1))
    return start.reshape(-1)[owner] + place, counts


def roi_pool(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
) -> Tensor:
    r"""The largest pixels of the part of an image in each box, in height x width bins.

    .. math:: y_{k,c,p,q} = \max_{(h, w) \in B_{pq}} x_{n,c,h,w}

    with the pixels B of bin (p, q) of box k, which lies in image n. The corners of the box are rounded to
    pixels, both of which belong to it. Neighbouring bins have pixels in common where the box cannot be
    divided evenly. A bin out of the image is 0. NaN is never the largest; of equal pixels the first is.

    Args:
        input: x, (N, C, H, W).
        boxes: (K, 5), rows (n, x1, y1, x2, y2); or for each image its boxes (L, 4). They are constants, of
            the dtype of the input.
        output_size: (height, width) of the result, or one number for both.
        spatial_scale: the pixels of ``input`` per unit of the boxes.

    Returns:
        y, (K, C, height, width).

    Raises:
        ShapeError: the input or the boxes have another shape; a box of an image that is not there.
        DtypeError: the input is not floating, or the boxes have another dtype.
        ValueError: a box that is not finite; an ``output_size`` that is not positive.

    >>> import cnn_physics77 as torch
    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_pool(image, [torch.tensor([[0.0, 0.0, 2.0, 3.0]])], (2, 1))
    tensor([[[[ 6.],
              [14.]]]])
    """
    images, corners, bins = rois("roi_pool", input, boxes, output_size, spatial_scale)
    if not np.isfinite(corners).all():
        raise ValueError("roi_pool: expected finite boxes, found NaN or infinity; remove these boxes")
    part, whole = np.modf(corners)
    corners = whole + np.copysign(abs(part) >= 0.5, corners)
    size = input.shape[2:]
    places, counts = zip(
        *(_axis(corners[:, 1 - i], corners[:, 3 - i], bins[i], n) for i, n in enumerate(size))
    )
    at_once = max(AT_ONCE // max(input.shape[1], 1), 1)
    pixels, made = pixels_of(input.to(corners.dtype)), []
    for count, bin_, pixel, _, _ in pixels_of_bins(images, places, counts, size, at_once):
        made.append(_largest(pixels, pixel, bin_, count))
    return of_bins(made, len(images), bins).to(input.dtype)


def _largest(pixels: Tensor, pixel: np.ndarray, bin_: np.ndarray, count: int) -> Tensor:
    if not pixel.size:  # zeros, with a graph
        none = from_array(pixel)
        return weighted_rows(from_array(pixel.astype(pixels.dtype)), pixels, none, none, count=count)
    values = pixels.array[pixel]
    counted = values > LEAST
    first = first_largest(np.where(counted, values, -np.inf), np.ones(len(pixel), bool), bin_, count)
    some = np.bincount(bin_, minlength=count)[:, None] > 0
    found = gather_along(pixels, from_array(pixel[first]), dim=0, squeeze=False)
    taken = some & np.take_along_axis(counted, first, 0)
    rest = np.where(some, LEAST, 0).astype(values.dtype)
    return where(from_array(taken), found, from_array(rest))


class RoIPool(nn.Module):
    """See :func:`roi_pool`."""

    def __init__(self, output_size: int | tuple[int, int], spatial_scale: float) -> None:
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale

    def forward(self, input: Tensor, rois: Tensor | Sequence[Tensor]) -> Tensor:
        return roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"RoIPool(output_size={self.output_size}, spatial_scale={self.spatial_scale})"


__all__ = ["RoIPool", "roi_pool"]
