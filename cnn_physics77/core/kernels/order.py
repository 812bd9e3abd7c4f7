"""Sorting and selecting along an axis, by index.

NaN counts as larger than all numbers, and equal elements keep their order: each function returns what a
stable sort would. Rows are divided among the threads.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.kernels.runtime.layout import contiguous
from cnn_physics77.core.kernels.runtime.one_call import one_call
from cnn_physics77.core.kernels.runtime.tiling import for_blocks

SMALL = 1 << 12
"""Up to so many elements, one call of NumPy sorts them. So does it with rows of at most `SHORT` ones."""

SHORT = 32

MICROSECONDS = 0.01
"""Of one element that is sorted."""

LONGEST = 1 << 31
"""Of an axis whose indices are one half of an int64."""

# ------------------------------------------------------------------------------------------------ all


@one_call
def argsort(x: np.ndarray, *, axis: int = -1, descending: bool = False) -> np.ndarray:
    """The indices (int64) that sort along an axis.

    >>> argsort(np.array([2.0, np.nan, 1.0, 2.0])), argsort(np.array([2, 1, 2]), descending=True)
    (array([2, 0, 3, 1]), array([0, 2, 1]))
    """
    return _order(x, axis, descending)


def _order(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    n = x.shape[axis]
    if x.size > SMALL and SHORT < n < LONGEST and x.itemsize > 1:
        return by_rows(lambda rows: _sorted_rows(rows, descending), x, axis, n)
    return _stable(x, axis, descending)


def _stable(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(backwards, axis)


def _sorted_rows(rows: np.ndarray, descending: bool) -> np.ndarray:
    """The numbers, as integers of 32 bits in the same order, and their indices are the two halves of int64
    numbers. All of these are different, so any sort of them is stable."""
    keys = _keys(rows)
    if keys is None:
        return _sorted_wide_rows(rows, descending)
    words = ~keys if descending else keys
    words <<= 32
    words |= np.arange(rows.shape[1])
    words.sort(axis=1)
    words &= 0xFFFFFFFF
    return words


def _sorted_wide_rows(rows: np.ndarray, descending: bool) -> np.ndarray:
    """Any sort is stable where no two numbers are equal."""
    indices = np.argsort(rows, axis=1)
    values = np.take_along_axis(rows, indices, 1)
    if (values[:, 1:] > values[:, :-1]).all():  # so none is NaN
        return indices[:, ::-1] if descending else indices
    return _stable(rows, -1, descending)


def _keys(x: np.ndarray) -> np.ndarray | None:
    """New int64 numbers of 32 bits in the order of x, all NaN as the largest; None if there are none.

    The bits of a float that is not negative are in the order of the numbers, those of a negative one in the
    reverse order but for the sign.
    """
    if x.dtype.char in "ef":
        bits = np.add(x, 0, dtype=np.float32).view(np.int32)  # of -0.0 those of 0.0
        keys = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64)
        keys[np.isnan(x)] = 0x7FFFFFFF
        return keys
    if x.dtype.kind in "iu" and x.size:
        low, high = int(x.min()), int(x.max())
        if high - low < 1 << 31:
            wide = np.uint64 if x.dtype == np.uint64 else np.int64  # int16 may not hold the difference
            return np.subtract(x, low, dtype=wide).astype(np.int64, copy=False)
    return None


# ------------------------------------------------------------------------------------------------ the first


@one_call
def top(x: np.ndarray, *, k: int, axis: int = -1, largest: bool = True) -> np.ndarray:
    """The indices of the k largest, or smallest, elements along an axis, in order.

    >>> top(np.array([2.0, 3.0, 1.0, 3.0]), k=3)
    array([1, 3, 0])
    """
    n = x.shape[axis]
    if x.size <= SMALL or n <= SHORT or 4 * k > n or k == 0:
        return _order(x, axis, largest)[(slice(None),) * (axis % x.ndim) + (slice(k),)]
    return by_rows(lambda rows: _top_of_rows(rows, k, largest), x, axis, k)


def _top_of_rows(rows: np.ndarray, k: int, largest: bool) -> np.ndarray:
    """What is not below a bound is sorted. The k-th largest maximum of more than k groups is one, as k
    elements are at least as large."""
    n = rows.shape[1]
    values = rows if largest else -rows if rows.dtype.kind == "f" else ~rows
    height = min(max(n // (16 * k), 1), 64)
    width = n // height
    maxima = values[:, : width * height].reshape(-1, height, width).max(axis=1)
    maxima.partition(width - k, axis=1)
    bound = maxima[:, width - k, None]
    if np.isnan(maxima[:, width - k :]).any() or np.isnan(values[:, width * height :]).any():
        return _sorted_rows(rows, largest)[:, :k]  # those beyond the last group are not in the maxima
    chosen = values >= bound
    row, column, counts = _places(chosen)
    if counts.max() > 4 * k:  # many equal the bound: the first of these suffice
        above = values > bound
        missing = k - np.add.reduce(above, axis=1, dtype=np.int64, keepdims=True)
        chosen &= above | (np.cumsum(chosen & ~above, axis=1) <= missing)
        row, column, counts = _places(chosen)
    table = np.full((len(rows), counts.max()), _lowest(values.dtype), values.dtype)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[row, place] = values[row, column]
    columns = np.zeros(table.shape, np.int64)
    columns[row, place] = column
    return np.take_along_axis(columns, _order(table, 1, True)[:, :k], 1)


def _places(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of what is chosen, row by row, and how many there are in each row."""
    row, column = np.divmod(np.flatnonzero(chosen), chosen.shape[1])
    return row, column, np.bincount(row, minlength=len(chosen))


def _lowest(dtype: np.dtype):
    if dtype.kind == "f":
        return -np.inf
    return False if dtype.kind == "b" else np.iinfo(dtype).min


# ------------------------------------------------------------------------------------------------ one


@one_call
def nth(x: np.ndarray, *, place: int, axis: int = -1) -> np.ndarray:
    """The index of the element at a place in ascending order along an axis, which is kept with size 1.

    >>> nth(np.array([2.0, 3.0, 1.0, 2.0]), place=2)
    array([3])
    """
    if x.size <= SMALL or x.shape[axis] <= SHORT:
        return np.take(_stable(x, axis, False), [place], axis=axis)
    return by_rows(lambda rows: _nth_of_rows(rows, place), x, axis, 1)


def _nth_of_rows(rows: np.ndarray, place: int) -> np.ndarray:
    value = np.partition(rows, place, axis=1)[:, place, None]
    if np.isnan(value).any():
        return _sorted_rows(rows, False)[:, place, None]
    equal = rows == value
    before = place - np.add.reduce(rows < value, axis=1, dtype=np.int64, keepdims=True)
    if before.any():  # so many equal elements are to be passed over
        equal &= np.cumsum(equal, axis=1) > before
    return np.argmax(equal, axis=1, keepdims=True)


def by_rows(function: Callable, x: np.ndarray, axis: int, width: int) -> np.ndarray:
    """``function`` of the rows along an axis, to ``width`` indices for each."""
    moved = np.moveaxis(x, axis, -1)
    rows = contiguous(moved).reshape(-1, moved.shape[-1])
    y = np.empty((len(rows), width), np.int64)

    def block(part: slice) -> None:
        y[part] = function(rows[part])

    for_blocks(block, len(rows), 8 * rows.shape[1], rows.size * MICROSECONDS)
    return contiguous(np.moveaxis(y.reshape(*moved.shape[:-1], width), -1, axis))
