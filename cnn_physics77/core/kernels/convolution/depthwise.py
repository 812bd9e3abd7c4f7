"""Depthwise convolution: each channel has a kernel of its own, so there is no matrix product.

In channels-last memory, for each block,

    y           = sum over taps of weight[tap] * x shifted by the tap
    dweight     = for each tap, the sum over pixels of g * x shifted by the tap

as one ``einsum`` over a view of all shifts. It multiplies and adds in a single pass for each tap, where two
ufuncs need two. Where the stride leaves no gaps, the innermost axis is a whole row of pixels, with the kernel
repeated along it. The input gradient is such a correlation for each phase of the stride (see `nhwc_windows`).
As many groups as channels in and out, two spatial dimensions. Error in float32: that of a sum over the taps,
one after another.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnn_physics77.core.kernels.convolution import nhwc_windows
from cnn_physics77.core.kernels.convolution.algorithm import Algorithm, Problem
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
    """``y`` (N, C, H, W) in channels-last memory."""
    y = np.empty((shapes.batch, *shapes.output_size, shapes.out_channels), x.dtype, like=x)
    _correlate(
        x.transpose(0, 2, 3, 1), weight[:, 0].transpose(1, 2, 0), NHWCWindows.of(shapes), y, bias
    ).run()
    return y.transpose(0, 3, 1, 2)


def input_gradient(g: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (N, C, H, W) in channels-last memory."""
    return nhwc_windows.input_gradient(g, weight[:, 0].transpose(1, 2, 0), shapes, _correlate)


def _shifts(windows: NHWCWindows, rectangle: np.ndarray, height: int) -> np.ndarray:
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
        subok=True,
        writeable=False,
    )


def _correlate(
    images: np.ndarray,
    kernel: np.ndarray,
    windows: NHWCWindows,
    y: np.ndarray,
    bias: np.ndarray | None = None,
) -> ParallelLoop:
    """The loop that correlates ``images`` (N, H, W, C) with ``kernel`` (height, width, C).

    It writes ``y`` (N, *counts, C).
    """
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


def weight_gradient(g: np.ndarray, x: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (C, 1, *kernel_size), contiguous."""
    s = shapes
    windows = NHWCWindows.of(s)
    images, gradients = x.transpose(0, 2, 3, 1), g.transpose(0, 2, 3, 1)
    blocks = cut(s.batch, s.output_size[0], 2 * s.output_size[1] * s.in_channels * x.itemsize)

    def add(total: np.ndarray, neighbours: list[tuple[slice, slice]]) -> None:
        for samples, rows in neighbours:
            part = contiguous(gradients[samples, rows])
            shifts = _shifts(windows, windows.rectangle(images[samples], rows), part.shape[1])
            part = part.reshape(*part.shape[:2], *shifts.shape[4:])
            of_pixels = np.einsum("nhxz,nhijxz->ijxz", part, shifts)
            total += of_pixels.reshape(*s.kernel_size, -1, s.in_channels).sum(axis=2)

    shape = *s.kernel_size, s.in_channels
    gradient = sum_of_parts(add, blocks, shape, x, g.size * s.inner_length / 3e3)
    return contiguous(gradient.transpose(2, 0, 1)).reshape(s.out_channels, 1, *s.kernel_size)


def applies(problem: Problem) -> bool:
    s = problem.shapes
    return problem.is_planar and 1 < s.groups == s.in_channels == s.out_channels


def cost(problem: Problem) -> float:
    """Nothing: where it applies, no other algorithm is as fast."""
    return 0.0


DEPTHWISE = Algorithm("depthwise", applies, cost, forward, input_gradient, weight_gradient)
