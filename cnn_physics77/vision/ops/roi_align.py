"""``torchvision.ops.roi_align``: parts of images, all of one size (K. He et al., arXiv:1703.06870).

The result is a sparse matrix, of the weights of the pixels that each bin takes, times the pixels. So is its
derivative, with the transpose of that matrix, and so on to every order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnn_physics77 import nn
from cnn_physics77.core.operations.sparse.products import weighted_rows
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.ops.rois import each_of, of_bins, pixels_of, pixels_of_bins, rois

AT_ONCE = 1 << 16
"""So many pixels are multiplied by their weights at once."""


def _axis(
    low: np.ndarray, length: np.ndarray, counts: np.ndarray, bins: int, size: int
) -> tuple[np.ndarray, ...]:
    """The pixels that the bins of each box take along one axis of ``size`` pixels, ordered by the bins: their
    numbers, their weights, and how many of them each bin takes, (K, bins).

    A bin is the mean of so many samples at equal distances. A sample lies between two pixels, and is 0 if it
    lies more than one pixel out of the image.
    """
    width, dtype = length / bins, low.dtype
    counts = counts.repeat(bins)
    owner, sample = each_of(counts)
    box, number = owner // bins, counts[owner].astype(dtype)
    place = low[box] + (owner % bins).astype(dtype) * width[box]
    place += (sample.astype(dtype) + dtype.type(0.5)) * width[box] / number
    inside = (place >= -1) & (place <= size) & (size > 0)
    owner, place, number = owner[inside], place[inside].clip(0, max(size - 1, 0)), number[inside]
    left = place.astype(int)
    right, part = np.minimum(left + 1, size - 1), place - left
    weights = np.stack([(1 - part) / number, part / number], axis=1).reshape(-1)
    # neighbouring samples have pixels in common
    taken = np.stack([left, right], axis=1) + owner[:, None] * size
    taken, place_of = np.unique(taken, return_inverse=True)
    summed = np.bincount(place_of.reshape(-1), weights, len(taken)).astype(low.dtype)
    owner, pixel = np.divmod(taken, max(size, 1))
    return pixel, summed, np.bincount(owner, minlength=len(counts)).reshape(-1, bins)


def roi_align(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    r"""The part of an image in each box, as means of interpolated pixels in height x width bins.

    .. math:: y_{k,c,p,q} = \frac1{|S_{pq}|} \sum_{(u, v) \in S_{pq}} \sum_{h, w}
        x_{n,c,h,w}\, (1 - |u - h|)_+ (1 - |v - w|)_+

    with the samples S of bin (p, q) of box k, which lies in image n: each is made of the four pixels around
    it. A sample that lies more than one pixel out of the image is 0, and so is the bin of a box that is not
    finite.

    Args:
        input: x, (N, C, H, W).
        boxes: (K, 5), rows (n, x1, y1, x2, y2); or for each image its boxes (L, 4). They are constants, of
            the dtype of the input.
        output_size: (height, width) of the result, or one number for both.
        spatial_scale: the pixels of ``input`` per unit of the boxes.
        sampling_ratio: the samples of a bin along each axis; otherwise one for each pixel of it.
        aligned: whether the middle of the first pixel is at 0.5; else it is at 0, and boxes are at least one
            pixel wide and high.

    Returns:
        y, (K, C, height, width).

    Raises:
        ShapeError: the input or the boxes have another shape; a box of an image that is not there.
        DtypeError: the input is not floating, or the boxes have another dtype.
        ValueError: an ``output_size`` that is not positive.

    >>> import cnn_physics77 as torch
    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_align(image, [torch.tensor([[0.0, 0.0, 2.0, 4.0]])], (2, 1), aligned=True)
    tensor([[[[ 2.5000],
              [10.5000]]]])
    """
    images, corners, bins = rois("roi_align", input, boxes, output_size, spatial_scale)
    finite, dtype = np.isfinite(corners).all(1), corners.dtype
    corners = np.where(finite[:, None], corners, 0) - dtype.type(0.5 * aligned)
    sizes = corners[:, 2:] - corners[:, :2]
    if not aligned:
        sizes = np.maximum(sizes, 1)
    axes = []
    for low, length, n, size in zip(corners.T[1::-1], sizes.T[::-1], bins, input.shape[2:]):
        samples = sampling_ratio if sampling_ratio > 0 else np.ceil(length / n).clip(0).astype(int)
        axes.append(_axis(low, length, np.where(finite, samples, 0), n, size))
    places, (of_h, of_w), counts = zip(*axes)
    pixels, made = pixels_of(input.to(dtype)), []
    for count, bin_, pixel, i, j in pixels_of_bins(images, places, counts, input.shape[2:], AT_ONCE):
        weights = from_array(of_h[i] * of_w[j])
        made.append(weighted_rows(weights, pixels, from_array(bin_), from_array(pixel), count=count))
    return of_bins(made, len(images), bins).to(input.dtype)


class RoIAlign(nn.Module):
    """See :func:`roi_align`."""

    def __init__(
        self,
        output_size: int | tuple[int, int],
        spatial_scale: float,
        sampling_ratio: int,
        aligned: bool = False,
    ) -> None:
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale
        self.sampling_ratio, self.aligned = sampling_ratio, aligned

    def forward(self, input: Tensor, rois: Tensor | Sequence[Tensor]) -> Tensor:
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def __repr__(self) -> str:
        return (
            f"RoIAlign(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned})"
        )


__all__ = ["RoIAlign", "roi_align"]
