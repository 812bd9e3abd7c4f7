"""im2col in channels-last memory, (N, H, W, C): one matrix product for each block.

A pixel is a run of C contiguous numbers. The windows of a block of pixels are the rows of a matrix, which is
filled by moving whole pixels. With T = kernel_height * kernel_width * C

    y        = columns @ weight          (pixels x T) @ (T x K)
    dweight  = sum over blocks of g^T @ columns

and the input gradient is one such correlation of g for each phase of the stride (see `nhwc_windows`). A 1x1
kernel needs no copy: its columns are the image.

Two spatial dimensions, one group, any kernel, stride, padding and dilation. Error in float32: that of
`im2col_plain`.
"""

from math import ceil, prod

import numpy as np

from cnn_physics77.core.kernels.convolution import im2col_nchw, nhwc_windows
from cnn_physics77.core.kernels.convolution.algorithm import (
    CALLS,
    INPUT_GRADIENT,
    MOVE,
    Algorithm,
    Problem,
    product_time,
)
from cnn_physics77.core.kernels.convolution.nhwc_windows import NHWCWindows
from cnn_physics77.core.kernels.convolution.shapes import ConvolutionShapes
from cnn_physics77.core.kernels.convolution.sum_of_parts import sum_of_parts
from cnn_physics77.core.kernels.runtime.layout import contiguous
from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import cut, items


def forward(
    x: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes, bias: np.ndarray | None
) -> np.ndarray:
    """``y`` (N, K, H, W) in channels-last memory."""
    y = np.empty((shapes.batch, *shapes.output_size, shapes.out_channels), x.dtype, like=x)
    _correlate(x.transpose(0, 2, 3, 1), weight.transpose(2, 3, 1, 0), NHWCWindows.of(shapes), y, bias).run()
    return y.transpose(0, 3, 1, 2)


def input_gradient(g: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (N, C, H, W) in channels-last memory."""
    return nhwc_windows.input_gradient(g, weight.transpose(2, 3, 0, 1), shapes, _correlate)


def _correlate(
    images: np.ndarray,
    kernel: np.ndarray,
    windows: NHWCWindows,
    y: np.ndarray,
    bias: np.ndarray | None = None,
) -> ParallelLoop:
    """The loop that correlates ``images`` (N, H, W, C) with ``kernel`` (height, width, C, K).

    It writes ``y`` (N, *windows.counts, K).
    """
    blocks = cut(len(y), y.shape[1], y.shape[2] * kernel[..., 0].size * y.itemsize)
    longest = max(rows.stop - rows.start for _, rows in blocks)
    product = WindowProduct(kernel, windows, bias, longest)

    def block(index: int) -> None:
        product(images, *blocks[index], y)

    return ParallelLoop(block, len(blocks), y.size * len(product.matrix) / 3e4)


class WindowProduct:
    """The product of some windows of images with a kernel (height, width, C, K), within one block of work."""

    def __init__(
        self, kernel: np.ndarray, windows: NHWCWindows, bias: np.ndarray | None, most_rows: int
    ) -> None:
        self.out_channels = kernel.shape[3]
        narrow = ceil(self.out_channels / 8) * 8  # BLAS is slow at other widths
        self.width = self.out_channels if self.out_channels >= 16 else narrow
        columns = kernel.reshape(-1, self.out_channels)
        self.matrix = np.empty((len(columns), self.width), kernel.dtype, like=kernel)
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
        result = part if straight else scratch("im2col_nhwc result", shape, y.dtype)
        np.matmul(columns, self.matrix, out=result.reshape(-1, self.width))
        if not straight:
            items(part)[...] = items(result[..., : self.out_channels])
        if self.bias is not None:
            long_rows = part.reshape(len(part), -1)  # joins axes: a view
            long_rows += self.bias[: long_rows.shape[1]]


def weight_gradient(g: np.ndarray, x: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (K, C, *kernel_size), contiguous."""
    s = shapes
    windows = NHWCWindows.of(s)
    images, gradients = x.transpose(0, 2, 3, 1), g.transpose(0, 2, 3, 1)
    blocks = cut(s.batch, s.output_size[0], s.output_size[1] * s.inner_length * x.itemsize)

    def add(total: np.ndarray, neighbours: list[tuple[slice, slice]]) -> None:
        for samples, rows in neighbours:
            total += weight_product(gradients, images, windows, samples, rows)

    shape = s.out_channels, s.inner_length
    gradient = sum_of_parts(add, blocks, shape, x, g.size * s.inner_length / 3e4)
    gradient = gradient.reshape(s.out_channels, *s.kernel_size, s.in_channels)
    return contiguous(gradient.transpose(0, 3, 1, 2))


def weight_product(
    gradients: np.ndarray, images: np.ndarray, windows: NHWCWindows, samples: slice, rows: slice
) -> np.ndarray:
    """What some rows of windows of some samples add to the weight's gradient, (K, taps * C)."""
    columns = windows.columns(images[samples], rows)
    part = gradients[samples, rows]
    if not part.flags.c_contiguous:
        gathered = scratch("im2col_nhwc result", part.shape, part.dtype)
        if part.strides[3] == part.itemsize:
            items(gathered)[...] = items(part)
        else:
            gathered[...] = part
        part = gathered
    return part.reshape(-1, part.shape[3]).T @ columns


def applies(problem: Problem) -> bool:
    return problem.is_planar and problem.shapes.groups == 1


def cost(problem: Problem) -> float:
    s = problem.shapes
    if im2col_nchw.is_narrow(problem) or im2col_nchw.needs_no_copy(problem):
        return float("inf")
    pixels: float = s.batch * prod(s.output_size)
    read, made = s.inner_length, s.out_channels
    if problem.map == INPUT_GRADIENT:
        pixels = s.batch * prod(s.input_size) / prod(s.stride)
        read, made = s.out_channels * prod(s.kernel_size), s.in_channels
    return CALLS + (product_time(pixels, read, made) + pixels * read * MOVE) / 1e6


IM2COL_NHWC = Algorithm("im2col_nhwc", applies, cost, forward, input_gradient, weight_gradient)
