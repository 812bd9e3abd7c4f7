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
) -> ParallelLoop:
    """The loop that correlates ``images`` (N, H, W, C) with ``kernel`` (height, width, C, K) into ``y``
    (N, *windows.counts, K)."""
    out_channels = kernel.shape[3]
    width = out_channels if out_channels >= 16 else ceil(out_channels / 8) * 8  # BLAS is slow at other widths
    matrix = np.zeros((kernel.size // out_channels, width), kernel.dtype)
    matrix[:, :out_channels] = kernel.reshape(-1, out_channels)
    blocks = cut(len(y), y.shape[1], y.shape[2] * len(matrix) * y.itemsize)
    if bias is not None:
        longest = max(rows.stop - rows.start for _, rows in blocks)
        bias = np.tile(bias, longest * y.shape[2])  # a long row: a broadcast over a short one is slow

    def block(index: int) -> None:
        samples, rows = blocks[index]
        columns = windows.columns(images[samples], rows)
        part = y[samples, rows]
        straight = part.flags.c_contiguous and width == out_channels
        result = part if straight else scratch("channels_last result", (*part.shape[:3], width), y.dtype)
        np.matmul(columns, matrix, out=result.reshape(-1, width))
        if not straight:
            items(part)[...] = items(result[..., :out_channels])
        if bias is not None:
            long_rows = part.reshape(len(part), -1)  # joins axes: a view
            long_rows += bias[: long_rows.shape[1]]

    return ParallelLoop(block, len(blocks), y.size * len(matrix) / 3e4)


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
            columns = windows.columns(images[samples], rows)
            part = gradients[samples, rows]
            if not part.flags.c_contiguous:
                gathered = scratch("channels_last result", part.shape, part.dtype)
                if part.strides[3] == part.itemsize:
                    items(gathered)[...] = items(part)
                else:
                    gathered[...] = part
                part = gathered
            partial[index] += part.reshape(-1, q.out_channels).T @ columns

    parallel_for(partial_sum, count, g.size * q.taps / 3e4)
    gradient = partial.sum(axis=0).reshape(q.out_channels, *q.kernel_size, q.in_channels)
    return np.ascontiguousarray(gradient.transpose(0, 3, 1, 2))
