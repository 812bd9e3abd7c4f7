"""Adaptive pooling: the output size is given; windows of nearly equal size cover the input."""

import itertools
from math import prod

import numpy as np

from cnn_physics77.core.kernels.pooling.shapes import split_shape
from cnn_physics77.core.kernels.runtime.layout import empty
from cnn_physics77.core.kernels.runtime.tiling import block_length, for_slices
from cnn_physics77.core.kernels.sums import LONGEST_PRODUCT, add_over
from cnn_physics77.core.kernels.windows import Size


def adaptive_windows(size: int, output: int) -> list[tuple[int, int]]:
    """Start and stop of each window along one axis: floor(o size / output) and ceil((o + 1) size / output).

    >>> adaptive_windows(5, 3)
    [(0, 2), (1, 4), (3, 5)]
    """
    return [(o * size // output, -(-(o + 1) * size // output)) for o in range(output)]


def adaptive_average_pool(x: np.ndarray, output_size: Size) -> np.ndarray:
    """The mean over each window of `adaptive_windows`.

    x: (..., *input_size), floating. Returns (..., *output_size).

    >>> adaptive_average_pool(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), (3,))
    array([[1.5, 3. , 4.5]])
    """
    d = len(output_size)
    _, size = split_shape(x, d, "adaptive_average_pool")
    if x.size and x.flags.c_contiguous and all(o == 1 for o in output_size):
        return _global_mean(x.reshape(-1, prod(size))).reshape(*x.shape[: x.ndim - d], *output_size)
    for i, (n, o) in enumerate(zip(size, output_size)):
        axis = x.ndim - d + i
        y = empty(x.shape[:axis] + (o,) + x.shape[axis + 1 :], x)
        at: list = [slice(None)] * x.ndim
        for j, (start, stop) in enumerate(adaptive_windows(n, o)):
            at[axis] = slice(start, stop)
            window = x[tuple(at)]
            at[axis] = j
            y[tuple(at)] = add_over(window, (axis,)) * y.dtype.type(1 / (stop - start))
        x = y
    return x


def _global_mean(rows: np.ndarray) -> np.ndarray:
    """The mean of each row. Short ones are products with ones, as reducing them one by one is slow."""
    n = rows.shape[1]
    if n > LONGEST_PRODUCT:
        return add_over(rows, (1,)) / rows.dtype.type(n)
    ones, y = np.ones(n, rows.dtype, like=rows), np.empty(len(rows), rows.dtype, like=rows)
    step = block_length(len(rows), rows.nbytes // len(rows))
    for_slices(lambda b: np.matmul(rows[b], ones, out=y[b]), len(rows), step, rows.size * 3e-4)
    y *= y.dtype.type(1 / n)
    return y


def adaptive_average_pool_gradient(g: np.ndarray, input_size: Size) -> np.ndarray:
    """The adjoint of `adaptive_average_pool`. g: (..., *output_size), floating -> (..., *input_size).

    >>> adaptive_average_pool_gradient(np.array([[2.0, 3.0, 2.0]]), (5,))
    array([[1., 2., 1., 2., 1.]])
    """
    d = len(input_size)
    _, output = split_shape(g, d, "adaptive_average_pool_gradient")
    for i, (n, o) in enumerate(zip(input_size, output)):
        axis = g.ndim - d + i
        gx = empty(g.shape[:axis] + (n,) + g.shape[axis + 1 :], g)
        gx.fill(0)
        at: list = [slice(None)] * g.ndim
        for j, (start, stop) in enumerate(adaptive_windows(n, o)):
            at[axis] = slice(j, j + 1)
            share = g[tuple(at)] * g.dtype.type(1 / (stop - start))
            at[axis] = slice(start, stop)
            gx[tuple(at)] += share
        g = gx
    return g


def adaptive_max_pool(x: np.ndarray, output_size: Size) -> tuple[np.ndarray, np.ndarray]:
    """The maximum over each window of `adaptive_windows`, and its int64 row-major index in the input's plane.

    x: (..., *input_size), floating or integer -> two arrays (..., *output_size). Ties and NaN as in
    `max_pool`.

    >>> adaptive_max_pool(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), (3,))
    (array([[2., 4., 5.]]), array([[1, 3, 4]]))
    """
    d = len(output_size)
    lead, size = split_shape(x, d, "adaptive_max_pool")
    y = np.empty(lead + tuple(output_size), x.dtype, like=x)
    indices = np.empty(y.shape, np.int64, like=x)
    plane = np.arange(prod(size), like=x).reshape(size)
    windows = [list(enumerate(adaptive_windows(n, o))) for n, o in zip(size, output_size)]
    for cell in itertools.product(*windows):
        at: tuple = (..., *(j for j, _ in cell))
        cut: tuple = tuple(slice(start, stop) for _, (start, stop) in cell)
        window = x[(..., *cut)].reshape(*lead, prod(s.stop - s.start for s in cut))
        best = window.argmax(axis=-1)  # the first of equal values; the first NaN
        if x.dtype.kind == "f":
            nan = np.isnan(window)
            if nan.any():
                last = window.shape[-1] - 1 - nan[..., ::-1].argmax(axis=-1)
                best = np.where(nan.any(axis=-1), last, best)
        y[at] = np.take_along_axis(window, best[..., None], axis=-1)[..., 0]
        indices[at] = plane[cut].reshape(-1)[best]
    return y, indices
