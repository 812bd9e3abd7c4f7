"""Pooling as slow, obvious loops over every window: what the fast kernels are tested against."""

import itertools
from collections.abc import Iterator

import numpy as np

from cnn_physics77.core.kernels.windows import Size


def window_elements(
    output: Size, input_size: Size, kernel: Size, stride: Size, padding: Size, dilation: Size
) -> Iterator[tuple[int, Size]]:
    """Elements of one window inside the input: (row-major offset in the window, index in the input)."""
    for offset, k in enumerate(itertools.product(*(range(n) for n in kernel))):
        p = tuple(o * s - q + i * e for o, s, q, i, e in zip(output, stride, padding, k, dilation))
        if all(0 <= i < n for i, n in zip(p, input_size)):
            yield offset, p


def max_pool(
    x: np.ndarray, output_size: Size, kernel: Size, stride: Size, padding: Size, dilation: Size
) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each window and the row-major offset of its first place; the last NaN wins over all."""
    d = len(kernel)
    lead, size = x.shape[: x.ndim - d], x.shape[x.ndim - d :]
    y, positions = np.empty(lead + output_size, x.dtype), np.empty(lead + output_size, np.int64)
    for n in itertools.product(*(range(i) for i in lead)):
        for o in itertools.product(*(range(i) for i in output_size)):
            elements = list(window_elements(o, size, kernel, stride, padding, dilation))
            best, at = elements[0]
            for offset, p in elements[1:]:
                if x[n + p] > x[n + at] or x[n + p] != x[n + p]:
                    best, at = offset, p
            y[n + o], positions[n + o] = x[n + at], best
    return y, positions


def max_pool_scatter(
    g: np.ndarray,
    positions: np.ndarray,
    input_size: Size,
    kernel: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
) -> np.ndarray:
    """Each g added to the element of the input at the recorded offset of its window."""
    d = len(kernel)
    lead, output_size = g.shape[: g.ndim - d], g.shape[g.ndim - d :]
    gx = np.zeros(lead + input_size, g.dtype)
    for n in itertools.product(*(range(i) for i in lead)):
        for o in itertools.product(*(range(i) for i in output_size)):
            elements = dict(window_elements(o, input_size, kernel, stride, padding, dilation))
            gx[n + elements[int(positions[n + o])]] += g[n + o]
    return gx


def average_pool(
    x: np.ndarray,
    output_size: Size,
    kernel: Size,
    stride: Size,
    padding: Size,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> np.ndarray:
    """The sum of each window over the number of its elements, with or without padding, or a given divisor."""
    d = len(kernel)
    lead, size = x.shape[: x.ndim - d], x.shape[x.ndim - d :]
    padded = tuple(n + 2 * p for n, p in zip(size, padding))
    y = np.empty(lead + output_size, x.dtype)
    for o in itertools.product(*(range(i) for i in output_size)):
        elements = [p for _, p in window_elements(o, size, kernel, stride, padding, (1,) * d)]
        divisor = len(elements)
        if count_include_pad:
            divisor = len(list(window_elements(o, padded, kernel, stride, (0,) * d, (1,) * d)))
        if divisor_override is not None:
            divisor = divisor_override
        for n in itertools.product(*(range(i) for i in lead)):
            y[n + o] = sum(x[n + p] for p in elements) / divisor
    return y
