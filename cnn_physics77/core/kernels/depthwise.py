"""Depthwise convolution: each channel has a kernel of its own, so there is no matrix product to be had.

In channels-last memory, tap by tap, on a block that stays in cache:

    y           = sum over taps of weight[tap] * x shifted by the tap
    dweight     = for each tap, the sum over pixels of g * x shifted by the tap

and the input gradient is such a correlation for each phase of the stride (see `pixel_windows`). As many
groups as channels in and out, two spatial dimensions. Error in float32: that of a sum over the taps, one
after another.
"""

import numpy as np

from cnn_physics77.core.kernels import pixel_windows
from cnn_physics77.core.kernels.blocks import cut
from cnn_physics77.core.kernels.geometry import Geometry
from cnn_physics77.core.kernels.pixel_windows import Windows
from cnn_physics77.core.kernels.threads import parallel_for, scratch

MOST_PARTIAL_SUMS = 8  # of a weight gradient, each over its own blocks, added in order


def forward(x: np.ndarray, weight: np.ndarray, geometry: Geometry, bias: np.ndarray | None) -> np.ndarray:
    """``y`` (N, C, H, W) in channels-last memory."""
    y = np.empty((geometry.batch, *geometry.output_size, geometry.out_channels), x.dtype)
    _correlate(x.transpose(0, 2, 3, 1), weight[:, 0].transpose(1, 2, 0), Windows.of(geometry), y, bias)
    return y.transpose(0, 3, 1, 2)


def input_gradient(g: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (N, C, H, W) in channels-last memory."""
    return pixel_windows.input_gradient(g, weight[:, 0].transpose(1, 2, 0), geometry, _correlate)


def _shifted(windows: Windows, rectangle: np.ndarray, height: int) -> list[np.ndarray]:
    """For each tap, the pixels that it reads, (samples, height, width, C)."""
    (down, across), (tall, wide) = windows.dilation, windows.stride
    width = windows.counts[1]
    return [
        rectangle[
            :,
            i * down : i * down + (height - 1) * tall + 1 : tall,
            j * across : j * across + (width - 1) * wide + 1 : wide,
        ]
        for i in range(windows.kernel_size[0])
        for j in range(windows.kernel_size[1])
    ]


def _correlate(
    images: np.ndarray, kernel: np.ndarray, windows: Windows, y: np.ndarray, bias: np.ndarray | None = None
) -> None:
    """Correlate ``images`` (N, H, W, C) with ``kernel`` (height, width, C) into ``y`` (N, *windows.counts,
    C)."""
    channels = y.shape[3]
    # One row of pixels long: NumPy is slow where the innermost axis is short.
    taps = np.tile(kernel.reshape(-1, channels), y.shape[2]).reshape(-1, y.shape[2], channels)
    if bias is not None:
        bias = np.tile(bias, y.shape[2]).reshape(y.shape[2], channels)
    blocks = cut(len(y), y.shape[1], 4 * y.shape[2] * channels * y.itemsize)

    def block(index: int) -> None:
        samples, rows = blocks[index]
        part = y[samples, rows]
        rectangle = windows.rectangle(images[samples], rows)
        term = scratch("depthwise term", part.shape, y.dtype)
        for tap, (row, shifted) in enumerate(zip(taps, _shifted(windows, rectangle, part.shape[1]))):
            if tap:
                np.multiply(shifted, row, out=term)
                part += term
            else:
                np.multiply(shifted, row, out=part)
        if bias is not None:
            part += bias

    parallel_for(block, len(blocks), y.size * len(taps) / 3e3)


def weight_gradient(g: np.ndarray, x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (C, 1, *kernel_size), contiguous."""
    q = geometry
    windows = Windows.of(q)
    images, gradients = x.transpose(0, 2, 3, 1), g.transpose(0, 2, 3, 1)
    blocks = cut(q.batch, q.output_size[0], 4 * q.output_size[1] * q.in_channels * x.itemsize)
    count = min(len(blocks), MOST_PARTIAL_SUMS)
    partial = np.zeros((count, q.taps, q.in_channels), x.dtype)

    def partial_sum(index: int) -> None:
        for samples, rows in blocks[index::count]:
            part = gradients[samples, rows]
            rectangle = windows.rectangle(images[samples], rows)
            term = scratch("depthwise term", part.shape, x.dtype)
            ones = np.ones(term.size // q.in_channels, x.dtype)
            for tap, shifted in enumerate(_shifted(windows, rectangle, part.shape[1])):
                np.multiply(part, shifted, out=term)
                partial[index, tap] += ones @ term.reshape(-1, q.in_channels)

    parallel_for(partial_sum, count, g.size * q.taps / 3e3)
    return np.ascontiguousarray(partial.sum(axis=0).T).reshape(q.out_channels, 1, *q.kernel_size)
