"""Convolution in channels-last memory: blocked im2col and one matrix product for each block.

In channels-last memory (N, H, W, C) a pixel is one piece of C numbers, and the windows of a block of pixels
are the rows of a matrix that is filled by moving whole pixels. With T = kernel_height * kernel_width * C

    y        = columns @ weight          (pixels x T) @ (T x K)
    dweight  = sum over blocks of g^T @ columns

and the input gradient is one such correlation of g for each phase of the stride (see `pixel_windows`). A 1x1
kernel needs no copy: its columns are the image.

Two spatial dimensions, one group, any kernel, stride, padding and dilation. Error in float32: as im2col and
one product (see `plain`).
"""

from math import ceil

import numpy as np

from cnn_physics77.core.kernels import pixel_windows
from cnn_physics77.core.kernels.geometry import Geometry
from cnn_physics77.core.kernels.pixel_windows import Windows
from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop, parallel_for
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import cut, items

MOST_PARTIAL_SUMS = 8  # of a weight gradient, each over its own blocks, added in order


def forward(x: np.ndarray, weight: np.ndarray, geometry: Geometry, bias: np.ndarray | None) -> np.ndarray:
    """``y`` (N, K, H, W) in channels-last memory."""
    y = np.empty((geometry.batch, *geometry.output_size, geometry.out_channels), x.dtype)
    _correlate(x.transpose(0, 2, 3, 1), weight.transpose(2, 3, 1, 0), Windows.of(geometry), y, bias).run()
    return y.transpose(0, 3, 1, 2)


def input_gradient(g: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (N, C, H, W) in channels-last memory."""
    return pixel_windows.input_gradient(g, weight.transpose(2, 3, 0, 1), geometry, _correlate)


def _correlate(
    images: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    y: np.ndarray,
    bias: np.ndarray | None = None,
    region: Region | None = None,
) -> None:
    """Correlate ``images`` (N, H, W, C) with ``kernel`` (height, width, C, K) into ``y`` (N, *windows.counts,
    K)."""
    blocks = cut(len(y), y.shape[1], y.shape[2] * kernel[..., 0].size * y.itemsize)
    longest = max(rows.stop - rows.start for _, rows in blocks)
    product = WindowProduct(kernel, windows, bias, longest)

    def block(index: int) -> None:
        product(images, *blocks[index], y)

    parallel_for(block, len(blocks), y.size * len(product.matrix) / 3e4, region)


class WindowProduct:
    """The product of some windows of images with a kernel (height, width, C, K), within one block of work."""

    def __init__(self, kernel: np.ndarray, windows: Windows, bias: np.ndarray | None, most_rows: int) -> None:
        self.out_channels = kernel.shape[3]
        narrow = ceil(self.out_channels / 8) * 8  # BLAS is slow at other widths
        self.width = self.out_channels if self.out_channels >= 16 else narrow
        columns = kernel.reshape(-1, self.out_channels)
        self.matrix = np.empty((len(columns), self.width), kernel.dtype)
        self.matrix[:, : self.out_channels] = columns
        self.matrix[:, self.out_channels :] = columns[:, :1]  # no zeros, whose product with infinity warns
        self.windows = windows
        # A long row: a broadcast over a short one is slow.
        self.bias = None if bias is None else np.tile(bias, most_rows * windows.counts[1])

    def __call__(self, images: np.ndarray, samples: slice, rows: slice, y: np.ndarray) -> None:
        """Write some rows of windows of some samples of ``images`` (N, H, W, C) to ``y`` (N, *counts, K)."""
        columns = self.windows.columns(images[samples], rows)
        part = y[samples, rows]
        straight = part.flags.c_contiguous and self.width == self.out_channels
        shape = (*part.shape[:3], self.width)
        result = part if straight else scratch("channels_last result", shape, y.dtype)
        np.matmul(columns, self.matrix, out=result.reshape(-1, self.width))
        if not straight:
            items(part)[...] = items(result[..., : self.out_channels])
        if self.bias is not None:
            long_rows = part.reshape(len(part), -1)  # joins axes: a view
            long_rows += self.bias[: long_rows.shape[1]]


def weight_gradient(g: np.ndarray, x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (K, C, *kernel_size), contiguous."""
    q = geometry
    windows = Windows.of(q)
    images, gradients = x.transpose(0, 2, 3, 1), g.transpose(0, 2, 3, 1)
    blocks = cut(q.batch, q.output_size[0], q.output_size[1] * q.taps * x.itemsize)
    count = min(len(blocks), MOST_PARTIAL_SUMS)
    partial = np.zeros((count, q.out_channels, q.taps), x.dtype)

    def partial_sum(index: int) -> None:
        for samples, rows in blocks[index::count]:
            partial[index] += weight_product(gradients, images, windows, samples, rows)

    parallel_for(partial_sum, count, g.size * q.taps / 3e4)
    gradient = partial.sum(axis=0).reshape(q.out_channels, *q.kernel_size, q.in_channels)
    return np.ascontiguousarray(gradient.transpose(0, 3, 1, 2))


def weight_product(
    gradients: np.ndarray, images: np.ndarray, windows: Windows, samples: slice, rows: slice
) -> np.ndarray:
    """What some rows of windows of some samples add to the weight's gradient, (K, taps * C)."""
    columns = windows.columns(images[samples], rows)
    part = gradients[samples, rows]
    if not part.flags.c_contiguous:
        gathered = scratch("channels_last result", part.shape, part.dtype)
        if part.strides[3] == part.itemsize:
            items(gathered)[...] = items(part)
        else:
            gathered[...] = part
        part = gathered
    return part.reshape(-1, part.shape[3]).T @ columns
