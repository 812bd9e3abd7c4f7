"""The LU decomposition with partial pivoting, in the form of LAPACK's ``getrf``."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.kernels.linalg.triangular import solve_triangular
from cnn_physics77.core.kernels.runtime.one_call import one_call

PANEL = 32
"""Columns that are eliminated one by one. What follows from them for the others is a matrix product."""


@one_call
def lu(a: np.ndarray, pivot: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The factors of a = P L U for matrices (..., M, N), with K = min(M, N).

    Args:
        pivot: whether rows are exchanged, so that no element of L exceeds 1; otherwise P is the identity.

    Returns:
        LU (..., M, N), with U in the upper triangle and L, whose diagonal of ones is left out, below it.
        pivots (..., K): int32, the row, counted from 1, that row i was exchanged with at step i.
        info (...): int32, the first diagonal element of U, counted from 1, that is zero; 0 if none is.

    Source: G. Golub, C. Van Loan, *Matrix Computations*, 4th ed. (2013), algorithms 3.4.1 and 3.2.5.
    """
    *batch, m, n = a.shape
    count, k = int(np.prod(batch)), min(m, n)
    work = a.reshape(count, m, n).copy()
    pivots = np.empty((count, k), np.int32)
    for start in range(0, k, PANEL):
        stop = min(start + PANEL, k)
        for j in range(start, stop):
            pivots[:, j] = _exchange(work, j, pivot) + 1
            below, divisor = work[:, j + 1 :, j], work[:, j, j, None]
            below /= np.where(divisor == 0, 1, divisor)  # then all of the column is zero
            work[:, j + 1 :, j + 1 : stop] -= below[:, :, None] * work[:, j, None, j + 1 : stop]
        panel = work[:, start:stop, start:stop]
        rows = work[:, start:stop, stop:] = solve_triangular(panel, work[:, start:stop, stop:], False, True)
        work[:, stop:, stop:] -= work[:, stop:, start:stop] @ rows
    zero = np.diagonal(work, axis1=1, axis2=2) == 0
    info = np.where(zero.any(1), zero.argmax(1) + 1, 0) if k else np.zeros(count)
    return work.reshape(a.shape), pivots.reshape(*batch, k), info.astype(np.int32).reshape(batch)


def _exchange(work: np.ndarray, j: int, pivot: bool) -> np.ndarray | int:
    """Exchange row j with the one that has the largest element of column j; the index of that row.

    As in LAPACK, the size of a complex number is |Re| + |Im|, and of equal sizes the first one counts.
    """
    if not pivot:
        return j
    column = work[:, j:, j]
    size = np.abs(column.real) + np.abs(column.imag) if work.dtype.kind == "c" else np.abs(column)
    largest = j + size.argmax(1)
    each = np.arange(len(work))
    work[:, j], work[each, largest] = work[each, largest], work[:, j].copy()
    return largest


@one_call
def permutation(pivots: np.ndarray, m: int) -> np.ndarray:
    """The rows of Pᵀ a in the order of a: (Pᵀ a)_i = a_(result_i), int64 (..., M)."""
    *batch, k = pivots.shape
    order = np.broadcast_to(np.arange(m), (int(np.prod(batch)), m)).copy()
    each = np.arange(len(order))
    for j, row in enumerate(pivots.reshape(-1, k).T - 1 if order.size else ()):
        order[each, j], order[each, row] = order[each, row], order[each, j].copy()
    return order.reshape(*batch, m)


@one_call
def permutation_matrix(pivots: np.ndarray, m: int, dtype: np.dtype) -> np.ndarray:
    """P (..., M, M) of a = P L U, with the dtype of a."""
    return np.swapaxes(np.eye(m, dtype=dtype)[permutation(pivots, m)], -1, -2).copy()
