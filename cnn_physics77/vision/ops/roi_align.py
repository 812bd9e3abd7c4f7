"""``torchvision.ops.roi_align``: parts of images, all of one size (K. He et al., arXiv:1703.06870)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnn_physics77 import nn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.linalg.matmul import matmul
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.nn.modules.utils import _pair


def _rows(boxes: Tensor | Sequence[Tensor]) -> np.ndarray:
    """Rows (image, x1, y1, x2, y2)."""
    if isinstance(boxes, Tensor):
        rows = boxes.array
    else:
        rows = np.concatenate([np.insert(part.array, 0, i, axis=1) for i, part in enumerate(boxes)])
    if rows.ndim != 2 or rows.shape[1] != 5:
        raise ShapeError(
            "roi_align: expected boxes (K, 5) with the number of the image first, or a list of boxes (L, 4) "
            f"for each image, found {tuple(rows.shape)}"
        )
    return rows


def _weights(low: np.ndarray, length: np.ndarray, bins: int, ratio: int, size: int) -> np.ndarray:
    """How much each of ``size`` pixels of one axis counts in each bin of each box: (K, bins, size).

    A bin is the mean of samples at equal distances. A sample lies between two pixels, and is 0 if it lies
    more than one pixel out of the image.
    """
    width = length / bins
    counts = np.full(len(low), ratio) if ratio > 0 else np.ceil(width).astype(int)
    sample = np.arange(counts.max(initial=0))
    place = (sample + 0.5) * (width / np.maximum(counts, 1))[:, None]
    place = place[:, None] + (low[:, None] + np.arange(bins) * width[:, None])[..., None]
    counted = (place >= -1) & (place <= size) & (sample < counts[:, None])[:, None]
    near = 1 - abs(np.arange(size) - place.clip(0, size - 1)[..., None])
    return (near.clip(0) * counted[..., None]).sum(2) / np.maximum(counts, 1)[:, None, None]


def roi_align(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    """The part of an image in each box, as means of interpolated pixels in height x width bins.

    y[k, c, p, q] = Σ A[k, p, h] x[n, c, h, w] B[k, q, w], with the weights A and B of the pixels of image n
    that box k takes.

    Args:
        input: (N, C, H, W).
        boxes: (K, 5), rows (n, x1, y1, x2, y2); or for each image its boxes (L, 4). They are constants.
        output_size: (height, width) of the result, or one number for both.
        spatial_scale: the pixels of ``input`` per unit of the boxes.
        sampling_ratio: the samples of a bin along each axis; otherwise one for each pixel of it.
        aligned: whether the middle of the first pixel is at 0.5; else it is at 0, and boxes are at least one
            pixel wide and high.

    Returns:
        (K, C, height, width).

    Raises:
        ShapeError: the input or the boxes have another shape.

    >>> import cnn_physics77 as torch
    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_align(image, [torch.tensor([[0.0, 0.0, 2.0, 4.0]])], (2, 1), aligned=True)
    tensor([[[[ 2.5000],
              [10.5000]]]])
    """
    if input.ndim != 4:
        raise ShapeError(f"roi_align: expected an input (N, C, H, W), found shape {tuple(input.shape)}")
    rows = _rows(boxes).astype(np.float64, copy=False)
    number = rows[:, 0].astype(int)
    if number.size and not 0 <= number.min() <= number.max() < len(input):
        wrong = number[(number < 0) | (number >= len(input))][0]
        raise ShapeError(
            f"roi_align: expected boxes of images 0 to {len(input) - 1}, found one of image {wrong}"
        )
    corners = rows[:, 1:] * spatial_scale - 0.5 * aligned
    sizes = corners[:, 2:] - corners[:, :2]
    if not aligned:
        sizes = sizes.clip(1)
    bins = _pair(output_size)
    down, right = (
        _weights(corners[:, 1 - i], sizes[:, 1 - i], bins[i], sampling_ratio, n).astype(input.array.dtype)
        for i, n in enumerate(input.shape[2:])
    )
    made, order = [], []
    for image in range(len(input)):
        here = np.flatnonzero(number == image)
        across = matmul(input[image], from_array(right[here, None].swapaxes(-1, -2)))
        made.append(matmul(from_array(down[here, None]), across))
        order.append(here)
    return cat(made)[from_array(np.argsort(np.concatenate(order)))]


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
