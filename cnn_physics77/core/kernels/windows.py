"""Sliding windows over N spatial dimensions: their number, padding, and the pair im2col / col2im.

For each spatial dimension a window has ``kernel`` taps that lie ``dilation`` apart, and moves by ``stride``
over an input to which ``padding`` zeros are added at both ends. Tap ``t`` of window ``o`` reads input
position ``o * stride - padding + t * dilation``. The arguments must fit one another; the operations check
them.
"""

from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

Size = tuple[int, ...]


ValidRange = tuple[slice, slice]


def output_size(input_size: Size, kernel_size: Size, stride: Size, padding: Size, dilation: Size) -> Size:
    """Number of windows along each spatial dimension.

    ``floor((input + 2 padding - dilation (kernel - 1) - 1) / stride) + 1``

    >>> output_size((28, 28), kernel_size=(3, 3), stride=(1, 2), padding=(0, 1), dilation=(1, 1))
    (26, 14)
    """
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(input_size, kernel_size, stride, padding, dilation)
    )


@lru_cache(maxsize=1024)
def axis_ranges(
    size: int, output: int, kernel: int, stride: int, padding: int, dilation: int
) -> tuple[ValidRange, ...]:
    """For each tap along one axis: the windows for which it lies inside the input, and the inputs it reads.

    >>> axis_ranges(size=4, output=4, kernel=3, stride=1, padding=1, dilation=1)[0]
    (slice(1, 4, None), slice(0, 3, 1))
    """
    ranges = []
    for tap in range(kernel):
        shift = tap * dilation - padding
        first = max(0, -(shift // stride))
        last = max(first, min(output, (size - 1 - shift) // stride + 1))
        start = first * stride + shift
        stop = start + (last - first - 1) * stride + 1 if last > first else start
        ranges.append((slice(first, last), slice(start, max(stop, 0), stride)))
    return tuple(ranges)


@lru_cache(maxsize=256)
def window_ranges(
    input_size: Size, output_size: Size, kernel_size: Size, stride: Size, padding: Size, dilation: Size
) -> tuple[tuple[Any, Any], ...]:
    """`axis_ranges` over all axes: for each tap in row-major order, indices of the windows and of the inputs.

    The last axes of what is indexed are spatial; ``...`` stands for all windows.
    """
    axes = [axis_ranges(*a) for a in zip(input_size, output_size, kernel_size, stride, padding, dilation)]
    whole = tuple(slice(0, n) for n in output_size)
    result: list[tuple[Any, Any]] = []
    for tap in product(*axes):
        outputs, inputs = (tuple(axis[i] for axis in tap) for i in (0, 1))
        result.append((... if outputs == whole else (..., *outputs), (..., *inputs)))
    return tuple(result)


def pad(x: np.ndarray, padding: Size) -> np.ndarray:
    """``x`` with ``padding[i]`` zeros at both ends of spatial dimension i; ``x`` itself where all are 0.

    >>> pad(np.ones((1, 1, 2)), (1,))
    array([[[0., 1., 1., 0.]]])
    """
    if not any(padding):
        return x
    padded = np.zeros(x.shape[:2] + tuple(n + 2 * p for n, p in zip(x.shape[2:], padding)), x.dtype, like=x)
    inside: tuple[Any, ...] = tuple(slice(p, p + n) for n, p in zip(x.shape[2:], padding))
    padded[(..., *inside)] = x
    return padded


def windows(
    x: np.ndarray, kernel_size: Size, stride: Size, dilation: Size, writeable: bool = False
) -> np.ndarray:
    """All windows of ``x`` (N, C, *size) as a view (N, C, *kernel_size, *output_size).

    Windows overlap, so a writeable view is written one tap at a time.

    >>> windows(np.arange(5.0).reshape(1, 1, 5), kernel_size=(3,), stride=(1,), dilation=(2,))[0, 0, :, 0]
    array([0., 2., 4.])
    """
    counts = output_size(x.shape[2:], kernel_size, stride, (0,) * len(stride), dilation)
    steps = x.strides[2:]
    return as_strided(
        x,
        x.shape[:2] + kernel_size + counts,
        x.strides[:2]
        + tuple(step * d for step, d in zip(steps, dilation))
        + tuple(step * s for step, s in zip(steps, stride)),
        subok=True,
        writeable=writeable,
    )


def im2col(x: np.ndarray, kernel_size: Size, dilation: Size, padding: Size, stride: Size) -> np.ndarray:
    """The windows of ``x`` as the columns of a matrix, as torch.nn.functional.unfold lays them out.

    ``columns[n, (c, *tap), o] = x[n, c, o * stride - padding + tap * dilation]``, zero outside of ``x``,
    where ``(c, *tap)`` and ``o`` each count in row-major order.

    Args:
        x: (N, C, *size), any dtype and strides.
        kernel_size, dilation, padding, stride: one int for each spatial dimension.

    Returns:
        A new array (N, C * prod(kernel_size), prod(output_size)) of the dtype of ``x``.

    >>> x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    >>> im2col(x, (2, 2), dilation=(1, 1), padding=(0, 0), stride=(1, 1))[0]
    array([[1., 2., 4., 5.],
           [2., 3., 5., 6.],
           [4., 5., 7., 8.],
           [5., 6., 8., 9.]])
    """
    counts = output_size(x.shape[2:], kernel_size, stride, padding, dilation)
    columns = np.empty(x.shape[:2] + kernel_size + counts, x.dtype, like=x)
    columns[...] = windows(pad(x, padding), kernel_size, stride, dilation)
    return columns.reshape(x.shape[0], x.shape[1] * prod(kernel_size), prod(counts))


def col2im(
    columns: np.ndarray, size: Size, kernel_size: Size, dilation: Size, padding: Size, stride: Size
) -> np.ndarray:
    """Add each column back to the window that it came from: the transpose (adjoint) of `im2col`.

    Pixels that several windows share receive the sum. The layout is that of torch.nn.functional.fold; the
    argument ``size`` is called ``output_size`` there.

    Args:
        columns: (N, C * prod(kernel_size), L) with L windows.
        size: the spatial size of the result.
        kernel_size, dilation, padding, stride: one int for each spatial dimension.

    Returns:
        A new array (N, C, *size) of the dtype of ``columns``.

    >>> col2im(np.ones((1, 4, 4)), (3, 3), (2, 2), dilation=(1, 1), padding=(0, 0), stride=(1, 1))[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    counts = output_size(size, kernel_size, stride, padding, dilation)
    batch, rows, _ = columns.shape
    channels = rows // prod(kernel_size)
    axes = tuple(range(len(kernel_size)))
    taps = columns.reshape(batch, channels, *kernel_size, *counts)
    taps = np.moveaxis(taps, [2 + axis for axis in axes], axes)  # the tap first
    padded = (batch, channels, *(n + 2 * p for n, p in zip(size, padding)))
    image = np.zeros(padded, columns.dtype, like=columns)
    for tap in product(*map(range, kernel_size)):
        reached: tuple[Any, ...] = tuple(
            slice(t * d, t * d + s * (count - 1) + 1, s)
            for t, d, s, count in zip(tap, dilation, stride, counts)
        )
        image[(..., *reached)] += taps[tap]
    inside: tuple[Any, ...] = tuple(slice(p, p + n) for n, p in zip(size, padding))
    return image[(..., *inside)]
