"""Depthwise convolution: each channel has a kernel of its own, so there is no matrix product to be had.

In channels-last memory, for each block,

    y           = sum over taps of weight[tap] * x shifted by the tap
    dweight     = for each tap, the sum over pixels of g * x shifted by the tap

as one ``einsum`` over a view of all shifts, which multiplies and adds in a single pass for each tap where a
ufunc needs two. Its innermost axis is a whole row of pixels, with the kernel repeated along it, where the
stride leaves no gaps. The input gradient is such a correlation for each phase of the stride (see
`pixel_windows`). As many groups as channels in and out, two spatial dimensions. Error in float32: that of a
sum over the taps, one after another.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnn_physics77.core.kernels import pixel_windows
from cnn_physics77.core.kernels.geometry import Geometry
from cnn_physics77.core.kernels.pixel_windows import Windows
from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop, parallel_for
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import cut, items

MOST_PARTIAL_SUMS = 8  # of a weight gradient, each over its own blocks, added in order


def forward(x: np.ndarray, weight: np.ndarray, geometry: Geometry, bias: np.ndarray | None) -> np.ndarray:
    """``y`` (N, C, H, W) in channels-last memory."""
    y = np.empty((geometry.batch, *geometry.output_size, geometry.out_channels), x.dtype)
    _correlate(x.transpose(0, 2, 3, 1), weight[:, 0].transpose(1, 2, 0), Windows.of(geometry), y, bias).run()
    return y.transpose(0, 3, 1, 2)


def input_gradient(g: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (N, C, H, W) in channels-last memory."""
    return pixel_windows.input_gradient(g, weight[:, 0].transpose(1, 2, 0), geometry, _correlate)


def _shifts(windows: Windows, rectangle: np.ndarray, height: int) -> np.ndarray:
    """All pixels that the taps read: a view (samples, height, *kernel_size, x, z) of the rectangle.

    The last axes are one row of pixels: x is the pixel and z the channel, or z both if the pixels read are
    neighbours.
    """
    samples, _, _, channels = rectangle.shape
    sample, row, pixel, item = rectangle.strides
    across = (windows.counts[1], channels), (pixel * windows.stride[1], item)
    if windows.stride[1] == 1 and pixel == channels * item:
        across = (1, windows.counts[1] * channels), (0, item)
    return as_strided(
        rectangle,
        (samples, height, *windows.kernel_size, *across[0]),
        (
            sample,
            row * windows.stride[0],
            row * windows.dilation[0],
            pixel * windows.dilation[1],
            *across[1],
        ),
        writeable=False,
    )


def _correlate(
    images: np.ndarray,
    kernel: np.ndarray,
    windows: Windows,
    y: np.ndarray,
    bias: np.ndarray | None = None,
) -> ParallelLoop:
    """The loop that correlates ``images`` (N, H, W, C) with ``kernel`` (height, width, C) into ``y``
    (N, *counts, C)."""
    width, channels = y.shape[2:]
    repeated = np.tile(kernel, width)  # one kernel for each pixel of a row
    if bias is not None:
        bias = np.tile(bias, width).reshape(width, channels)
    blocks = cut(len(y), y.shape[1], 2 * width * channels * y.itemsize)

    def block(index: int) -> None:
        samples, rows = blocks[index]
        part = y[samples, rows]
        shifts = _shifts(windows, windows.rectangle(images[samples], rows), part.shape[1])
        taps = repeated.reshape(*kernel.shape[:2], *shifts.shape[4:])
        straight = part.flags.c_contiguous
        result = part if straight else scratch("depthwise result", part.shape, y.dtype)
        np.einsum("nhijxz,ijxz->nhxz", shifts, taps, out=result.reshape(*part.shape[:2], *shifts.shape[4:]))
        if bias is not None:
            result += bias
        if not straight:
            items(part)[...] = items(result)

    return ParallelLoop(block, len(blocks), y.size * kernel.size / channels / 3e3)


def weight_gradient(g: np.ndarray, x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (C, 1, *kernel_size), contiguous."""
    q = geometry
    windows = Windows.of(q)
    images, gradients = x.transpose(0, 2, 3, 1), g.transpose(0, 2, 3, 1)
    blocks = cut(q.batch, q.output_size[0], 2 * q.output_size[1] * q.in_channels * x.itemsize)
    count = min(len(blocks), MOST_PARTIAL_SUMS)
    partial = np.zeros((count, *q.kernel_size, q.in_channels), x.dtype)

    def partial_sum(index: int) -> None:
        for samples, rows in blocks[index::count]:
            part = np.ascontiguousarray(gradients[samples, rows])
            shifts = _shifts(windows, windows.rectangle(images[samples], rows), part.shape[1])
            part = part.reshape(*part.shape[:2], *shifts.shape[4:])
            of_pixels = np.einsum("nhxz,nhijxz->ijxz", part, shifts)
            partial[index] += of_pixels.reshape(*q.kernel_size, -1, q.in_channels).sum(axis=2)

    parallel_for(partial_sum, count, g.size * q.taps / 3e3)
    return np.ascontiguousarray(partial.sum(axis=0).transpose(2, 0, 1)).reshape(
        q.out_channels, 1, *q.kernel_size
    )
