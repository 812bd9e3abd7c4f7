"""The input gradient of small images with few channels: each row of pixels as one vector.

Along a row a convolution is a product with a banded (Toeplitz) matrix. With the rows of g as vectors of W' K
numbers, and those of the input's gradient as vectors of W C,

    band[(o, k), (t, w, c)] = weight[k, c, t, j]     where w = o * stride - padding + j * dilation, else 0
    rows                    = g @ band               (N H' x W' K) @ (W' K x kernel_height W C)
    dx[n, i]                = sum over t of rows[n, o, t]   where i = o * stride - padding + t * dilation

The band multiplies W / kernel_width times as often as needed, but it is one large product of g as it lies in
channels-last memory, and whole rows are added afterwards. For few channels, where pixels and rows of pixels
are short runs of memory, that takes half the time of `im2col_nchw`. Error in float32: that of `im2col_plain`.
The zeros of the band times an infinity would be NaN, so a gradient that is not finite goes to `im2col_nchw`.
"""

from math import prod

import numpy as np

from cnn_physics77.core.kernels.convolution import im2col_nchw
from cnn_physics77.core.kernels.convolution.algorithm import CALLS, MOVE, Algorithm, Problem, product_time
from cnn_physics77.core.kernels.convolution.dynamic_range import all_finite
from cnn_physics77.core.kernels.convolution.shapes import ConvolutionShapes
from cnn_physics77.core.kernels.runtime.layout import strided
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import cut
from cnn_physics77.core.kernels.windows import axis_ranges


def input_gradient(g: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (N, C, H, W), contiguous."""
    s = shapes
    if not all_finite(g):
        return im2col_nchw.input_gradient(g, weight, s)
    height, width = s.input_size
    taps = s.kernel_size[0]
    band = _band(weight, s)
    rows_of_g = g.transpose(0, 2, 3, 1)
    gradient = np.empty((s.batch, s.in_channels, height, width), g.dtype, like=g)
    blocks = cut(s.batch, 1, s.output_size[0] * band.shape[1] * g.itemsize)
    ranges = axis_ranges(height, s.output_size[0], taps, s.stride[0], s.padding[0], s.dilation[0])

    def block(index: int) -> None:
        samples = blocks[index][0]
        part = rows_of_g[samples]
        rows = scratch("banded rows", (len(part) * s.output_size[0], band.shape[1]), g.dtype)
        np.matmul(part.reshape(-1, len(band)), band, out=rows)  # copies where g is not channels-last
        rows = rows.reshape(len(part), s.output_size[0], taps, width * s.in_channels)
        image = scratch("banded image", (len(part), height, width * s.in_channels), g.dtype)
        image.fill(0)
        for tap, (outputs, inputs) in enumerate(ranges):
            image[:, inputs] += rows[:, outputs, tap]
        pixels = image.reshape(len(part), height, width, s.in_channels)
        gradient[samples] = pixels.transpose(0, 3, 1, 2)

    parallel_for(block, len(blocks), s.batch * s.output_size[0] * prod(band.shape) / 3e4)
    return gradient


def _band(weight: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The weights as a matrix (W' K, kernel_height * W * C)."""
    s = shapes
    (outputs, width), padding, (taps, span) = (s.output_size[1], s.input_size[1]), s.padding[1], s.kernel_size
    padded = width + 2 * padding
    band = np.zeros((outputs, s.out_channels, taps, padded, s.in_channels), weight.dtype, like=weight)
    output, channel, tap, pixel, _ = band.strides
    # band[o, k, t, o * stride + j * dilation, c], as an array over (o, k, t, j, c)
    diagonal = (output + s.stride[1] * pixel, channel, tap, s.dilation[1] * pixel, band.itemsize)
    shape = (outputs, s.out_channels, taps, span, s.in_channels)
    strided(band, shape, diagonal)[...] = weight.transpose(0, 2, 3, 1)
    return band[:, :, :, padding : padding + width].reshape(outputs * s.out_channels, -1)


def applies(problem: Problem) -> bool:
    return problem.is_planar and problem.shapes.groups == 1


def cost(problem: Problem) -> float:
    s = problem.shapes
    if problem.dtype.char != "f" or im2col_nchw.is_narrow(problem) or im2col_nchw.needs_no_copy(problem):
        return float("inf")
    if s.in_channels >= im2col_nchw.WIDE and problem.channels_last:
        return float("inf")
    rows, row = s.batch * s.output_size[0], s.kernel_size[0] * s.input_size[1] * s.in_channels
    product = product_time(rows, s.output_size[1] * s.out_channels, row)
    return CALLS + (product + rows * row * MOVE) / 1e6


BANDED = Algorithm("banded", applies, cost, input_gradient=input_gradient, pads=())
