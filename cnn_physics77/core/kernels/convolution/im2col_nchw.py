"""Convolution in the order (N, C, H, W): im2col as few large copies, and one product for each sample.

For layers with few channels, for which channels-last memory is too short of breath: the windows of one
sample are a matrix (C * taps, pixels), written as one slab of pixels for each channel and tap, and

    y       = weight   @ columns                     (K x C taps) @ (C taps x pixels)
    dw      = sum over samples of g @ columns^T
    columns = weight^T @ g                           then each slab is added to its place in dx

Results are contiguous in the order (N, C, H, W), as a flatten that follows wants it; from `WIDE` channels on,
those of the forward map lie channels-last, as later convolutions want it: the product writes either order.
A 1x1 kernel on (N, C, H, W) memory needs no copy. One group, two spatial dimensions. Error in float32: as
im2col and one product (see `plain`).
"""

from math import prod

import numpy as np

from cnn_physics77.core.kernels.geometry import Geometry
from cnn_physics77.core.kernels.pooling_windows import axis_cuts
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import cut
from cnn_physics77.core.kernels.windows import windows

WIDE = 16  # channels that later layers had better find in channels-last memory
FEW_BLOCKS = 4  # a block takes a dozen calls: with many short ones the threads wait for each other
MOST_PARTIAL_SUMS = 8  # of a weight gradient, each over its own blocks, added in order


def forward(x: np.ndarray, weight: np.ndarray, geometry: Geometry, bias: np.ndarray | None) -> np.ndarray:
    """``y`` (N, K, H, W): contiguous, or with `WIDE` channels and more in channels-last memory."""
    q = geometry
    length = prod(q.output_size)
    if q.out_channels < WIDE:
        y = np.empty((q.batch, q.out_channels, length), x.dtype)
    else:
        y = np.empty((q.batch, length, q.out_channels), x.dtype).swapaxes(1, 2)
    matrix = weight.reshape(q.out_channels, q.taps)
    blocks = _blocks(q, x.itemsize)
    ones = bias is not None and not _is_image(q)
    if bias is not None and ones:  # the bias is the weight of one more slab
        matrix = np.append(matrix, bias[:, None], axis=1)

    def block(index: int) -> None:
        samples = blocks[index]
        part = y[samples]
        np.matmul(matrix, _columns(x[samples], q, ones), out=part)
        if bias is not None and not ones:
            part += bias[:, None]

    parallel_for(block, len(blocks), y.size * (q.taps + 5) / 2e4)
    return y.reshape(q.batch, q.out_channels, *q.output_size)


def input_gradient(g: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (N, C, H, W), contiguous."""
    q = geometry
    (height, width), (up, left) = q.input_size, q.padding
    length = prod(q.output_size)
    gradient = np.empty((q.batch, q.in_channels, height, width), g.dtype)
    matrix = weight.reshape(q.out_channels, q.taps).T
    blocks = _blocks(q, g.itemsize)

    def block(index: int) -> None:
        samples = blocks[index]
        part = gradient[samples]
        columns = scratch("slabs columns", (len(part), q.taps, length), g.dtype)
        np.matmul(matrix, g[samples].reshape(-1, q.out_channels, length), out=columns)
        slabs = columns.reshape(len(part), q.in_channels, *q.kernel_size, *q.output_size)
        image = part
        if any(q.padding):
            shape = (len(part), q.in_channels, height + 2 * up, width + 2 * left)
            image = scratch("slabs padded", shape, g.dtype)
        image.fill(0)
        reached = windows(image, q.kernel_size, q.stride, q.dilation, writeable=True)
        for i in range(q.kernel_size[0]):
            for j in range(q.kernel_size[1]):
                reached[:, :, i, j] += slabs[:, :, i, j]
        if image is not part:
            part[...] = image[:, :, up : up + height, left : left + width]

    parallel_for(block, len(blocks), q.batch * length * q.taps * (q.out_channels + 20) / 3e4)
    return gradient


def weight_gradient(g: np.ndarray, x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (K, C, *kernel_size), contiguous."""
    q = geometry
    blocks = _blocks(q, x.itemsize)
    count = min(len(blocks), MOST_PARTIAL_SUMS)
    partial = np.zeros((count, q.out_channels, q.taps), x.dtype)

    def partial_sum(index: int) -> None:
        for samples in blocks[index::count]:
            part = g[samples].reshape(-1, q.out_channels, prod(q.output_size))
            partial[index] += np.matmul(part, _columns(x[samples], q).swapaxes(1, 2)).sum(axis=0)

    parallel_for(partial_sum, count, g.size * (q.taps + 5) / 2e4)
    return partial.sum(axis=0).reshape(q.out_channels, q.in_channels, *q.kernel_size)


def _blocks(geometry: Geometry, itemsize: int) -> list[slice]:
    """Samples of each block: at most `FEW_BLOCKS`, or half as large ones, which need less memory."""
    q = geometry
    each = q.taps * prod(q.output_size) * itemsize
    blocks = cut(q.batch, 1, each)
    if len(blocks) > FEW_BLOCKS:
        blocks = cut(q.batch, 1, 2 * each)
    return [samples for samples, _ in blocks]


def _is_image(geometry: Geometry) -> bool:
    """Whether the windows are the image itself."""
    return geometry.kernel_size == geometry.stride == (1, 1) and geometry.padding == (0, 0)


def _columns(x: np.ndarray, geometry: Geometry, ones: bool = False) -> np.ndarray:
    """The windows of some samples, (samples, C * taps, pixels), with ``ones`` a row of ones below them."""
    q = geometry
    length = prod(q.output_size)
    if _is_image(q):
        return x.reshape(len(x), q.in_channels, length)
    (up, left), (rows, columns) = q.padding, q.output_size
    # First the taps of a kernel row, in runs of one row; then whole slabs out of those, in long runs.
    needed = (rows - 1) * q.stride[0] + (q.kernel_size[0] - 1) * q.dilation[0] + 1
    shifted = scratch("slabs shifted", (len(x), q.in_channels, q.kernel_size[1], needed, columns), x.dtype)
    if any(q.padding):
        shifted.fill(0)
    inside = x[:, :, : max(0, needed - up)]
    cuts = axis_cuts(x.shape[3], columns, q.kernel_size[1], q.stride[1], left, q.dilation[1])
    for tap, (outputs, pixels) in enumerate(cuts):
        shifted[:, :, tap, up : up + inside.shape[2], outputs] = inside[..., pixels]
    result = scratch("slabs columns", (len(x), q.taps + ones, length), x.dtype)
    result[:, q.taps :] = 1
    slabs = result[:, : q.taps].reshape(len(x), q.in_channels, *q.kernel_size, rows, columns)  # a view
    sample, channel, tap_step, row, pixel = shifted.strides
    steps = (sample, channel, q.dilation[0] * row, tap_step, q.stride[0] * row, pixel)
    slabs[...] = np.ndarray(slabs.shape, x.dtype, shifted, 0, steps)
    return result
