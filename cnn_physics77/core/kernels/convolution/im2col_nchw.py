"""im2col in the order (N, C, H, W): few large copies, and one product for each sample.

For images with few channels, where a pixel in channels-last memory is too short a run to copy efficiently.
The windows of one sample are a matrix (C * taps, pixels), one plane of pixels for each channel and tap, and

    y       = weight   @ columns                     (K x C taps) @ (C taps x pixels)
    dw      = sum over samples of g @ columns^T
    columns = weight^T @ g                           then each plane is added to its place in dx

Results are contiguous in the order (N, C, H, W), as a flatten that follows wants it. From `WIDE` channels on
those of the forward map lie channels-last, as later convolutions want it; the product writes either order.
A 1x1 kernel on (N, C, H, W) memory needs no copy. One group, two spatial dimensions. Error in float32: that
of `im2col_plain`.
"""

from math import prod

import numpy as np

from cnn_physics77.core.kernels.convolution.algorithm import (
    CALLS,
    FORWARD,
    INPUT_GRADIENT,
    WEIGHT_GRADIENT,
    Algorithm,
    Problem,
    product_time,
)
from cnn_physics77.core.kernels.convolution.shapes import ConvolutionShapes
from cnn_physics77.core.kernels.convolution.sum_of_parts import sum_of_parts
from cnn_physics77.core.kernels.runtime.layout import strided
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import cut
from cnn_physics77.core.kernels.windows import axis_ranges, windows

WIDE = 16  # channels that later layers read faster in channels-last memory
NARROW_IMAGE = 3  # channels: up to here no other algorithm is faster
FEW_BLOCKS = 4  # a block takes a dozen calls: with many short ones the threads wait for each other
ADD, ADD_RUN = 0.7, 8.0  # nanoseconds: one number added to its place, and each run of neighbours


def forward(
    x: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes, bias: np.ndarray | None
) -> np.ndarray:
    """``y`` (N, K, H, W): contiguous, or with `WIDE` channels and more in channels-last memory."""
    s = shapes
    length = prod(s.output_size)
    if s.out_channels < WIDE:
        y = np.empty((s.batch, s.out_channels, length), x.dtype, like=x)
    else:
        y = np.empty((s.batch, length, s.out_channels), x.dtype, like=x).swapaxes(1, 2)
    matrix = weight.reshape(s.out_channels, s.inner_length)
    blocks = _blocks(s, x.itemsize)
    ones = bias is not None and not _is_image(s)
    if bias is not None and ones:  # the bias is the weight of one more plane
        matrix = np.append(matrix, bias[:, None], axis=1)

    def block(index: int) -> None:
        samples = blocks[index]
        part = y[samples]
        np.matmul(matrix, _columns(x[samples], s, ones), out=part)
        if bias is not None and not ones:
            part += bias[:, None]

    parallel_for(block, len(blocks), y.size * (s.inner_length + 5) / 2e4)
    return y.reshape(s.batch, s.out_channels, *s.output_size)


def input_gradient(g: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (N, C, H, W), contiguous."""
    s = shapes
    (height, width), (up, left) = s.input_size, s.padding
    length = prod(s.output_size)
    gradient = np.empty((s.batch, s.in_channels, height, width), g.dtype, like=g)
    matrix = weight.reshape(s.out_channels, s.inner_length).T
    blocks = _blocks(s, g.itemsize)

    def block(index: int) -> None:
        samples = blocks[index]
        part = gradient[samples]
        columns = scratch("im2col_nchw columns", (len(part), s.inner_length, length), g.dtype)
        np.matmul(matrix, g[samples].reshape(-1, s.out_channels, length), out=columns)
        planes = columns.reshape(len(part), s.in_channels, *s.kernel_size, *s.output_size)
        image = part
        if any(s.padding):
            shape = (len(part), s.in_channels, height + 2 * up, width + 2 * left)
            image = scratch("im2col_nchw padded", shape, g.dtype)
        image.fill(0)
        reached = windows(image, s.kernel_size, s.stride, s.dilation, writeable=True)
        for i in range(s.kernel_size[0]):
            for j in range(s.kernel_size[1]):
                reached[:, :, i, j] += planes[:, :, i, j]
        if image is not part:
            part[...] = image[:, :, up : up + height, left : left + width]

    parallel_for(block, len(blocks), s.batch * length * s.inner_length * (s.out_channels + 20) / 3e4)
    return gradient


def weight_gradient(g: np.ndarray, x: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (K, C, *kernel_size), contiguous."""
    s = shapes

    def add(total: np.ndarray, neighbours: list[slice]) -> None:
        for samples in neighbours:
            part = g[samples].reshape(-1, s.out_channels, prod(s.output_size))
            total += np.matmul(part, _columns(x[samples], s).swapaxes(1, 2)).sum(axis=0)

    shape = s.out_channels, s.inner_length
    gradient = sum_of_parts(add, _blocks(s, x.itemsize), shape, x, g.size * (s.inner_length + 5) / 2e4)
    return gradient.reshape(s.out_channels, s.in_channels, *s.kernel_size)


def _blocks(shapes: ConvolutionShapes, itemsize: int) -> list[slice]:
    """Samples of each block: at most `FEW_BLOCKS`, or half as large ones, which need less memory."""
    s = shapes
    each = s.inner_length * prod(s.output_size) * itemsize
    blocks = cut(s.batch, 1, each)
    if len(blocks) > FEW_BLOCKS:
        blocks = cut(s.batch, 1, 2 * each)
    return [samples for samples, _ in blocks]


def _is_image(shapes: ConvolutionShapes) -> bool:
    """Whether the windows are the image itself."""
    return shapes.kernel_size == shapes.stride == (1, 1) and shapes.padding == (0, 0)


def _columns(x: np.ndarray, shapes: ConvolutionShapes, ones: bool = False) -> np.ndarray:
    """The windows of some samples, (samples, C * taps, pixels), with ``ones`` a row of ones below them."""
    s = shapes
    length = prod(s.output_size)
    if _is_image(s):
        return x.reshape(len(x), s.in_channels, length)
    (up, left), (rows, columns) = s.padding, s.output_size
    # First the taps of a kernel row, in runs of one row; then whole planes out of those, in long runs.
    needed = (rows - 1) * s.stride[0] + (s.kernel_size[0] - 1) * s.dilation[0] + 1
    shifted = scratch(
        "im2col_nchw shifted", (len(x), s.in_channels, s.kernel_size[1], needed, columns), x.dtype
    )
    if any(s.padding):
        shifted.fill(0)
    inside = x[:, :, : max(0, needed - up)]
    ranges = axis_ranges(x.shape[3], columns, s.kernel_size[1], s.stride[1], left, s.dilation[1])
    for tap, (outputs, pixels) in enumerate(ranges):
        shifted[:, :, tap, up : up + inside.shape[2], outputs] = inside[..., pixels]
    result = scratch("im2col_nchw columns", (len(x), s.inner_length + ones, length), x.dtype)
    result[:, s.inner_length :] = 1
    planes = result[:, : s.inner_length].reshape(
        len(x), s.in_channels, *s.kernel_size, rows, columns
    )  # a view
    sample, channel, tap_step, row, pixel = shifted.strides
    steps = (sample, channel, s.dilation[0] * row, tap_step, s.stride[0] * row, pixel)
    planes[...] = strided(shifted, planes.shape, steps)
    return result


def is_narrow(problem: Problem) -> bool:
    """Whether the images have so few channels that this algorithm is always the fastest."""
    s = problem.shapes
    narrow = s.in_channels <= NARROW_IMAGE
    return narrow and (s.out_channels < WIDE or problem.map != INPUT_GRADIENT)


def needs_no_copy(problem: Problem) -> bool:
    """Whether the columns are the images as they lie in memory."""
    return problem.shapes.kernel_size == problem.shapes.stride == (1, 1) and not problem.channels_last


def applies(problem: Problem) -> bool:
    return problem.is_planar and problem.shapes.groups == 1


def cost(problem: Problem) -> float:
    """Of the input gradient; nothing where no other algorithm is faster, else infinite."""
    s = problem.shapes
    if is_narrow(problem) or needs_no_copy(problem):
        return 0.0
    if problem.map != INPUT_GRADIENT or (s.in_channels >= WIDE and problem.channels_last):
        return float("inf")
    pixels = s.batch * prod(s.output_size)
    add = ADD + ADD_RUN / s.output_size[1]
    product = product_time(s.inner_length, s.out_channels, pixels)
    return CALLS + (product + pixels * s.inner_length * add) / 1e6


IM2COL_NCHW = Algorithm(
    "im2col_nchw",
    applies,
    cost,
    forward,
    input_gradient,
    weight_gradient,
    pads=(FORWARD, WEIGHT_GRADIENT),
)
