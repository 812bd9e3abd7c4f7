"""Windows over images in channels-last memory, and the input gradient as one correlation per stride phase.

Input pixel i is reached by the taps t with ``t dilation = i + padding (mod stride)``, and

    dx[i] = sum over those t of g[(i + padding - t dilation) / stride] weight[t]

Over the pixels of one phase, i (mod stride), this is a correlation of g with a part of the turned kernel. So
nothing needs to be scattered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import gcd, prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnn_physics77.core.kernels.convolution.shapes import ConvolutionShapes
from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop, together
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import items
from cnn_physics77.core.kernels.windows import Size


@dataclass(frozen=True, slots=True)
class NHWCWindows:
    """Where windows lie: tap t of window o reads pixel ``origin + o * stride + t * dilation``.

    Pixels outside of the image read as zero.
    """

    origin: Size
    kernel_size: Size
    stride: Size
    dilation: Size
    counts: Size  # of windows

    @classmethod
    def of(cls, shapes: ConvolutionShapes) -> "NHWCWindows":
        """Those of a convolution's forward map."""
        s = shapes
        origin = tuple(-p for p in s.padding)
        return cls(origin, s.kernel_size, s.stride, s.dilation, s.output_size)

    def rectangle(self, images: np.ndarray, rows: slice) -> np.ndarray:
        """What the given rows of windows read of ``images`` (samples, H, W, C), zero outside of them.

        Returns:
            A view of ``images`` where that is possible, else scratch memory; the C channels are contiguous.
        """
        size = images.shape[1:3]
        count = (rows.stop - rows.start, self.counts[1])
        first = (self.origin[0] + rows.start * self.stride[0], self.origin[1])
        span = tuple(
            (n - 1) * s + (k - 1) * d + 1
            for n, s, k, d in zip(count, self.stride, self.kernel_size, self.dilation)
        )
        low = [max(0, f) for f in first]
        high = [max(a, min(n, f + length)) for a, n, f, length in zip(low, size, first, span)]
        inside = images[:, low[0] : high[0], low[1] : high[1]]
        movable = images.strides[3] == images.itemsize
        if movable and inside.shape[1:3] == span:
            return inside
        result = scratch("rectangle", (len(images), *span, images.shape[3]), images.dtype)
        if inside.shape[1:3] != span:
            result.fill(0)
        target = result[:, low[0] - first[0] : high[0] - first[0], low[1] - first[1] : high[1] - first[1]]
        if movable:
            items(target)[...] = items(inside)
        else:
            target[...] = inside
        return result

    def columns(self, images: np.ndarray, rows: slice) -> np.ndarray:
        """The given rows of windows as a matrix (samples * rows * columns, taps * C).

        A view where that is possible, else scratch memory.
        """
        source = self.rectangle(images, rows)
        samples, channels = len(images), images.shape[3]
        if self.kernel_size == (1, 1) and self.stride == (1, 1) and source.flags.c_contiguous:
            return source.reshape(-1, channels)
        count = (rows.stop - rows.start, self.counts[1])
        result = scratch("columns", (samples, *count, *self.kernel_size, channels), source.dtype)
        step = source.strides
        # Where the taps of a kernel row are neighbours in memory, the row is moved in one piece.
        neighbours = self.dilation[1] == 1 and step[2] == channels * source.itemsize
        joined = self.kernel_size[1] if neighbours else 1
        windows = as_strided(
            source,
            (samples, *count, self.kernel_size[0], self.kernel_size[1] // joined, joined * channels),
            (
                step[0],
                step[1] * self.stride[0],
                step[2] * self.stride[1],
                step[1] * self.dilation[0],
                step[2] * self.dilation[1],
                step[3],
            ),
            subok=True,
        )
        items(result.reshape(windows.shape))[...] = items(windows)
        return result.reshape(samples * prod(count), -1)


def input_gradient(
    g: np.ndarray, kernel: np.ndarray, shapes: ConvolutionShapes, correlate: Callable[..., ParallelLoop]
) -> np.ndarray:
    """The gradient (N, C, H, W) in channels-last memory.

    Args:
        g: (N, K, *output_size).
        kernel: (*kernel_size, ...), as ``correlate`` takes it.
        correlate: called as ``correlate(images, kernel, windows, y)`` for each phase; the loops of all
            phases are run as one.
    """
    s = shapes
    gradient = np.empty((s.batch, *s.input_size, s.in_channels), g.dtype, like=g)
    images = g.transpose(0, 2, 3, 1)
    loops = []
    for vertical, horizontal in product(_stride_phases(s, 0), _stride_phases(s, 1)):
        pixels = gradient[:, vertical.pixels, horizontal.pixels]
        taps = kernel[vertical.taps, horizontal.taps]
        if not taps.size:
            pixels.fill(0)
            continue
        windows = NHWCWindows(
            (vertical.origin, horizontal.origin),
            taps.shape[:2],
            (1, 1),
            (vertical.dilation, horizontal.dilation),
            pixels.shape[1:3],
        )
        loops.append(correlate(images, taps, windows, pixels))
    together(loops)
    return gradient.transpose(0, 3, 1, 2)


@dataclass(frozen=True, slots=True)
class StridePhase:
    """Along one dimension: the input pixels of one phase of the stride, and the taps that reach them."""

    pixels: slice
    taps: slice  # in falling order, so that g is read in rising order
    origin: int = 0  # in g, of the first window
    dilation: int = 1  # in g


def _stride_phases(shapes: ConvolutionShapes, axis: int) -> list[StridePhase]:
    stride, padding, dilation = shapes.stride[axis], shapes.padding[axis], shapes.dilation[axis]
    common = gcd(stride, dilation)
    phases = []
    for first in range(min(stride, shapes.input_size[axis])):
        pixels = slice(first, None, stride)
        reached = first + padding
        taps = [t for t in range(shapes.kernel_size[axis]) if (reached - t * dilation) % stride == 0]
        if taps:
            falling = slice(taps[-1], taps[0] - 1 if taps[0] else None, -(stride // common))
            origin = (reached - taps[-1] * dilation) // stride
            phases.append(StridePhase(pixels, falling, origin, dilation // common))
        else:
            phases.append(StridePhase(pixels, slice(0, 0)))
    return phases
