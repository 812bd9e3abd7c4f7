"""Sliding windows over N spatial dimensions: the size law, padding, and the pair im2col / col2im.

For each spatial dimension a window has ``kernel`` taps that lie ``dilation`` apart, and moves by ``stride``
over an input to which ``padding`` zeros are added at both ends. Tap ``t`` of window ``o`` reads input
position ``o * stride - padding + t * dilation``.
"""

from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnn_physics77.core.errors import ShapeError

Size = tuple[int, ...]


def output_size(
    input_size: Size,
    kernel_size: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
    operation: str = "convolution",
) -> Size:
    """Number of windows along each spatial dimension.

    ``floor((input + 2 padding - dilation (kernel - 1) - 1) / stride) + 1``

    Args:
        input_size, kernel_size, stride, padding, dilation: one int for each spatial dimension.
        operation: the name that an error gives.

    Raises:
        ShapeError: numbers of dimensions differ, a kernel, stride or dilation is below 1, a padding is
            negative, or a window is larger than the padded input.

    >>> output_size((28, 28), kernel_size=(3, 3), stride=(1, 2), padding=(0, 1), dilation=(1, 1))
    (26, 14)
    """
    dimensions = len(input_size)
    if not dimensions == len(kernel_size) == len(stride) == len(padding) == len(dilation):
        raise ShapeError(
            f"{operation}: expected one size for each of the {dimensions} spatial dimensions, found "
            f"kernel_size {kernel_size}, stride {stride}, padding {padding}, dilation {dilation}; "
            f"give {dimensions} numbers each"
        )
    if min((*kernel_size, *stride, *dilation), default=1) < 1 or min(padding, default=0) < 0:
        raise ShapeError(
            f"{operation}: expected kernel_size, stride and dilation of at least 1 and padding of at least "
            f"0, found kernel_size {kernel_size}, stride {stride}, dilation {dilation}, padding {padding}"
        )
    spans = [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation)]
    padded = [n + 2 * p for n, p in zip(input_size, padding)]
    if any(span > n for span, n in zip(spans, padded)):
        raise ShapeError(
            f"{operation}: expected windows no larger than the padded input, found windows of {tuple(spans)} "
            f"(kernel_size {kernel_size}, dilation {dilation}) over a padded input of {tuple(padded)} "
            f"(size {tuple(input_size)}, padding {padding}); "
            f"use a larger input, more padding or a smaller kernel"
        )
    return tuple((n - span) // s + 1 for n, span, s in zip(padded, spans, stride))


def pad(x: np.ndarray, padding: Size) -> np.ndarray:
    """``x`` with ``padding[i]`` zeros at both ends of spatial dimension i; ``x`` itself where all are 0.

    >>> pad(np.ones((1, 1, 2)), (1,))
    array([[[0., 1., 1., 0.]]])
    """
    if not any(padding):
        return x
    padded = np.zeros(x.shape[:2] + tuple(n + 2 * p for n, p in zip(x.shape[2:], padding)), x.dtype)
    inside: tuple[Any, ...] = tuple(slice(p, p + n) for n, p in zip(x.shape[2:], padding))
    padded[(..., *inside)] = x
    return padded


def windows(
    x: np.ndarray, kernel_size: Size, stride: Size, dilation: Size, writeable: bool = False
) -> np.ndarray:
    """All windows of ``x`` (N, C, *size) as a view (N, C, *kernel_size, *output_size).

    Windows overlap; who asks for a writeable view writes to one tap at a time.

    >>> windows(np.arange(5.0).reshape(1, 1, 5), kernel_size=(3,), stride=(1,), dilation=(2,))[0, 0, :, 0]
    array([0., 2., 4.])
    """
    counts = output_size(x.shape[2:], kernel_size, stride, (0,) * len(stride), dilation, "windows")
    steps = x.strides[2:]
    return as_strided(
        x,
        x.shape[:2] + kernel_size + counts,
        x.strides[:2]
        + tuple(step * d for step, d in zip(steps, dilation))
        + tuple(step * s for step, s in zip(steps, stride)),
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

    Raises:
        ShapeError: see `output_size`.

    >>> x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    >>> im2col(x, (2, 2), dilation=(1, 1), padding=(0, 0), stride=(1, 1))[0]
    array([[1., 2., 4., 5.],
           [2., 3., 5., 6.],
           [4., 5., 7., 8.],
           [5., 6., 8., 9.]])
    """
    counts = output_size(x.shape[2:], kernel_size, stride, padding, dilation, "im2col")
    columns = np.empty(x.shape[:2] + kernel_size + counts, x.dtype)
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

    Raises:
        ShapeError: the rows are no multiple of prod(kernel_size), L is not the number of windows, or as
            `output_size`.

    >>> col2im(np.ones((1, 4, 4)), (3, 3), (2, 2), dilation=(1, 1), padding=(0, 0), stride=(1, 1))[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    counts = output_size(size, kernel_size, stride, padding, dilation, "col2im")
    batch, rows, length = columns.shape
    if rows % prod(kernel_size) or length != prod(counts):
        raise ShapeError(
            f"col2im: expected columns (N, C * {prod(kernel_size)}, {prod(counts)}) for size {tuple(size)} "
            f"and kernel_size {kernel_size}, found {columns.shape}; check size, stride, padding and dilation"
        )
    channels = rows // prod(kernel_size)
    axes = tuple(range(len(kernel_size)))
    taps = columns.reshape(batch, channels, *kernel_size, *counts)
    taps = np.moveaxis(taps, [2 + axis for axis in axes], axes)  # the tap first
    image = np.zeros((batch, channels, *(n + 2 * p for n, p in zip(size, padding))), columns.dtype)
    for tap in product(*map(range, kernel_size)):
        reached: tuple[Any, ...] = tuple(
            slice(t * d, t * d + s * (count - 1) + 1, s)
            for t, d, s, count in zip(tap, dilation, stride, counts)
        )
        image[(..., *reached)] += taps[tap]
    inside: tuple[Any, ...] = tuple(slice(p, p + n) for n, p in zip(size, padding))
    return image[(..., *inside)]
