"""Accumulation along an axis. ``ufunc.accumulate`` waits for each result before it begins the next one."""

from __future__ import annotations

from math import isqrt, prod

import numpy as np

from cnn_physics77.core.kernels.order import by_rows
from cnn_physics77.core.kernels.runtime.layout import contiguous
from cnn_physics77.core.kernels.runtime.one_call import one_call

SMALL = 1 << 13
"""Fewer elements are left to NumPy's accumulation."""

WIDE, LEAST = 256, 16
"""With so many elements beside each other, at least so many of them in one piece, one call of the ufunc for
each step along the axis is faster."""


def accumulate(ufunc: np.ufunc, x: np.ndarray, axis: int) -> np.ndarray:
    """``ufunc.accumulate``, of floating and complex numbers in double precision, in the dtype of x.

    >>> accumulate(np.add, np.array([[1.0, 2.0], [3.0, 4.0]]), 1)
    array([[1., 3.],
           [3., 7.]])
    """
    wide = np.result_type(x.dtype, np.float64) if x.dtype.kind in "fc" else x.dtype
    if x.size >= SMALL and x.dtype.kind in "fc":
        inner = prod(x.shape[axis + 1 :])
        if inner >= LEAST and x.size >= WIDE * x.shape[axis]:
            return _by_steps(ufunc, x, axis, inner, wide)
    return ufunc.accumulate(x, axis=axis, dtype=wide).astype(x.dtype, copy=False)


@one_call
def _by_steps(ufunc: np.ufunc, x: np.ndarray, axis: int, inner: int, wide: np.dtype) -> np.ndarray:
    y = np.empty(x.shape, x.dtype)
    rows, results = (a.reshape(-1, x.shape[axis], inner).swapaxes(0, 1) for a in (contiguous(x), y))
    results[0] = total = rows[0].astype(wide)
    for row, result in zip(rows[1:], results[1:]):
        ufunc(total, row, out=total)
        result[...] = total
    return y


@one_call
def recurrence(b: np.ndarray, a: np.ndarray, axis: int) -> np.ndarray:
    """s_i = b_i + a_i s_{i-1} along an axis, s_0 = b_0, computed in double precision. b and a have one shape.

    >>> recurrence(np.array([1.0, 2.0, 3.0]), np.array([0.0, 10.0, 10.0]), 0)
    array([  1.,  12., 123.])
    """
    wide = np.result_type(b.dtype, np.float64)
    moved = np.moveaxis(b, axis, 0)
    columns = (len(moved), prod(moved.shape[1:]))
    terms, factors = (np.moveaxis(x, axis, 0).reshape(columns).astype(wide) for x in (b, a))
    s = _by_rows(terms, factors) if WIDE * len(terms) > terms.size else None
    if s is None:
        s = terms
        _recur(s, factors)
    return np.moveaxis(s.astype(b.dtype).reshape(moved.shape), 0, axis)


def _recur(s: np.ndarray, factors: np.ndarray) -> None:
    """The recurrence along the first axis, in place."""
    for before, factor, result in zip(s, factors[1:], s[1:]):
        result += factor * before


def _by_rows(terms: np.ndarray, factors: np.ndarray) -> np.ndarray | None:
    """The recurrence along the first axis, cut into rows: within all rows at once, then from the end of each
    row to that of the next, whose elements get what it brought times their factors.

    None if a product of a row's first factors leaves the range of the dtype, so that this would not be exact.
    """
    rows = isqrt(len(terms))
    length = len(terms) // max(rows, 1)
    if rows < 2:
        return None
    s = terms.copy()
    of_rows, f = (x[: rows * length].reshape(rows, length, -1).swapaxes(0, 1) for x in (s, factors))
    products = np.multiply.accumulate(f)
    size = np.abs(products)
    if not (((size >= np.finfo(size.dtype).tiny) & (size < np.inf)).all(0) | (f == 0).any(0)).all():
        return None
    _recur(of_rows, f)
    ends = of_rows[-1].copy()
    _recur(ends, products[-1])
    brought = ends[:-1]
    for factor, result in zip(f[:, 1:], of_rows[:, 1:]):
        brought = factor * brought
        result += brought
    _recur(s[rows * length - 1 :], factors[rows * length - 1 :])
    return s if np.isfinite(s).all() else None


@one_call
def records(x: np.ndarray, *, ufunc: np.ufunc, axis: int = -1) -> np.ndarray:
    """For each element the index (int64) of the last one, up to it along the axis, that equals the extreme so
    far, or is NaN.

    >>> records(np.array([1.0, 3.0, 2.0, 3.0, 0.0]), ufunc=np.maximum)
    array([0, 1, 1, 3, 3])
    """
    if x.size < SMALL:
        is_record = (x == ufunc.accumulate(x, axis=axis)) | (x != x)
        place = np.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.ndim - 1 - axis % x.ndim))
        return np.maximum.accumulate(np.where(is_record, place, 0), axis=axis)

    def of_rows(rows: np.ndarray) -> np.ndarray:
        is_record = (rows == ufunc.accumulate(rows, axis=1)) | (rows != rows)
        at = np.flatnonzero(is_record)  # the first of each row is one
        return np.repeat(at % rows.shape[1], np.diff(at, append=rows.size)).reshape(rows.shape)

    return by_rows(of_rows, x, axis, x.shape[axis])
