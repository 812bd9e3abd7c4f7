"""Rows that are added, or compared, where an index sends them to the same place.

A place that several rows are sent to is a group. The groups are ordered by their sizes, so the groups that
have an n-th row are the first ones: one call of NumPy adds the n-th rows of all groups. Few groups have more
than `LARGE` rows; each of these is reduced by itself.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.dtypes import accumulator
from cnn_physics77.core.kernels.order import argsort
from cnn_physics77.core.kernels.runtime.layout import contiguous
from cnn_physics77.core.kernels.runtime.one_call import one_call
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import block_length, for_slices

FEW = 64
"""Fewer rows are taken by an index."""

LARGE = 64

NARROW = 64
"""Rows of fewer elements, and `SMALL` numbers of all of them, are left to ``ufunc.at``."""

SMALL = 1 << 15

SPLIT = 128
"""Rows of at least so many elements are divided among the threads."""

MICROSECONDS = 5e-4
"""Of one element that is added."""


def take_rows(x: np.ndarray, index: np.ndarray, axis: int = 0) -> np.ndarray:
    """x[index] along an axis. Of contiguous memory numpy.take copies rows several times as fast as an index.

    >>> take_rows(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, -1]))
    array([[3., 4.],
           [3., 4.]])
    """
    if index.size < FEW or index.dtype.kind != "i" or not x.flags.c_contiguous:
        return x[(slice(None),) * axis + (index,)]
    return np.take(x, index, axis)


@one_call
def sum_rows(values: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    """y_n = Σ values_e over the e with index_e = n: (E, ...) to (count, ...).

    >>> sum_rows(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([1, 1, 0]), 2)
    array([[5., 6.],
           [4., 6.]])
    """
    y = np.zeros((count, *values.shape[1:]), values.dtype)
    _combine(np.add, y, index, values, None, None)
    return y


@one_call
def add_rows(x: np.ndarray, index: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A copy of x, with the rows of values added to those at the index.

    >>> add_rows(np.zeros((2, 1)), np.array([1, 1]), np.ones((2, 1)))
    array([[0.],
           [2.]])
    """
    y = x.copy()
    _combine(np.add, y, index, values, None, None)
    return y


@one_call
def largest_rows(values: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    """y_n = the largest of each element of values_e over the e with index_e = n, or -inf.

    >>> largest_rows(np.array([[1.0, 4.0], [3.0, 2.0]]), np.array([0, 0]), 1)
    array([[3., 4.]])
    """
    y = np.full((count, *values.shape[1:]), -np.inf, values.dtype)
    _combine(np.maximum, y, index, values, None, None)
    return y


@one_call
def first_largest(values: np.ndarray, counts: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    """The first e with index_e = n of whose row, among those that ``counts``, each element is the largest or
    NaN: (count, ...), int64; the last e where there is none.

    >>> first_largest(np.array([[1.0, 4.0], [3.0, 4.0]]), np.array([True, True]), np.array([0, 0]), 1)
    array([[1, 0]])
    """
    largest = largest_rows(np.where(counts[:, None], values, -np.inf), index, count)
    wins = counts[:, None] & ((values == largest[index]) | np.isnan(values))
    last = len(values) - 1
    row, column = wins[::-1].nonzero()
    y = np.full(largest.shape, last, np.int64)
    y[index[last - row], column] = last - row  # of several assignments the last one counts
    return y


@one_call
def weighted_rows(
    factors: np.ndarray, rows: np.ndarray, columns: np.ndarray, b: np.ndarray, count: int
) -> np.ndarray:
    """y_n = Σ factors_e b_(columns_e) over the e with rows_e = n: a sparse matrix times b (K, N).

    >>> weighted_rows(np.array([2.0, 3.0]), np.array([0, 0]), np.array([0, 1]), np.ones((2, 1)), 1)
    array([[5.]])
    """
    y = np.zeros((count, b.shape[1]), b.dtype)
    _combine(np.add, y, rows, b, columns, factors)
    return y


@one_call
def inner_products(a: np.ndarray, rows: np.ndarray, b: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """y_e = Σ_n a_(rows_e, n) b_(columns_e, n).

    >>> inner_products(np.ones((1, 3)), np.array([0, 0]), np.ones((2, 3)), np.array([1, 0]))
    array([3., 3.])
    """
    y = np.empty(len(rows), a.dtype)
    step = block_length(len(rows), 2 * a.shape[1] * a.itemsize)

    def block(part: slice) -> None:
        y[part] = np.einsum("en,en->e", a.take(rows[part], 0), b.take(columns[part], 0))

    for_slices(block, len(rows), step, len(rows) * a.shape[1] * MICROSECONDS)
    return y


def _combine(
    ufunc: np.ufunc,
    y: np.ndarray,
    index: np.ndarray,
    values: np.ndarray,
    columns: np.ndarray | None,
    factors: np.ndarray | None,
) -> None:
    """y_n = ufunc(y_n, v_e) for each e with index_e = n, in the order of e: v_e is values_e, or factors_e
    values_(columns_e)."""
    if not index.size or not y.size:
        return
    y, values = y.reshape(len(y), -1), values.reshape(len(values), -1)
    width, wide = y.shape[1], accumulator(y.dtype)
    values = values.astype(wide, copy=False)
    if width < NARROW or index.size * width < SMALL:
        rows = values if columns is None else values[columns]
        total = y.astype(wide, copy=False)
        place = np.multiply(index.reshape(-1, 1), width, dtype=np.int64) + np.arange(width)
        ufunc.at(
            total.reshape(-1),
            place.reshape(-1),
            (rows if factors is None else factors[:, None] * rows).reshape(-1),
        )
        if total is not y:
            y[...] = total
        return
    order = argsort(index)
    ordered = index[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(starts, append=len(index))
    by_size = argsort(sizes, descending=True)
    starts, sizes = starts[by_size], sizes[by_size]
    places = ordered[starts]
    source = order if columns is None else columns[order]
    weights = None if factors is None else factors[order, None]
    large = int(np.searchsorted(-sizes, -LARGE))
    # how many groups have more than 1, 2, ... rows
    light = np.searchsorted(-sizes, -np.arange(1, min(sizes[0], LARGE + 1)))

    def block(part: slice) -> None:
        table = contiguous(values[:, part])
        total = scratch("rows.total", (len(starts), table.shape[1]), wide)
        extra = scratch("rows.extra", (max(len(starts), LARGE), table.shape[1]), wide)

        def rows(which: np.ndarray, out: np.ndarray) -> np.ndarray:
            np.take(table, source[which], axis=0, out=out, mode="clip")
            return out if weights is None else np.multiply(out, weights[which], out=out)

        rows(starts, total)
        for group in range(large):
            start, stop = starts[group] + 1, starts[group] + sizes[group]
            for first in range(start, stop, LARGE):
                some = np.arange(first, min(first + LARGE, stop))
                reduced = ufunc.reduce(rows(some, extra[: len(some)]), axis=0, dtype=wide)
                ufunc(total[group], reduced, out=total[group])
        for n, end in enumerate(light, 1):
            if end > large:
                sums = total[large:end]
                ufunc(sums, rows(starts[large:end] + n, extra[: end - large]), out=sums)
        y[places, part] = ufunc(y[places, part], total)

    step = width
    if width >= SPLIT:
        step = max(SPLIT // 2, min(-(-width // 2), block_length(width, len(starts) * y.itemsize)))
    for_slices(block, width, step, index.size * width * MICROSECONDS)
