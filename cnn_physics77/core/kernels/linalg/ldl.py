"""The decomposition of symmetric and Hermitian matrices by Bunch and Kaufman, in the form of LAPACK's
``sytrf`` and ``hetrf`` for the lower triangle.

a is the product P₁ L₁ P₂ L₂ ... D ... L₂ᵀ P₂ᵀ L₁ᵀ P₁ᵀ of exchanges P of two rows, of matrices L that differ
from the identity in one or two columns, and of a D with blocks of size 1 and 2. Hermitian matrices have the
conjugate transpose instead.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.kernels.linalg.lapack import inv
from cnn_physics77.core.kernels.runtime.one_call import one_call

ALPHA = (1 + 17**0.5) / 8
"""The bound of the source, with which two steps of size 1 and one of size 2 let elements grow equally."""


@one_call
def ldl(a: np.ndarray, hermitian: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The factors of the matrices (..., N, N) in the lower triangles.

    Returns:
        LD (..., N, N): D on the diagonal and, for blocks of size 2, just below it; L below.
        pivots (..., N), int32: for a block of size 1 the row, counted from 1, that its row was exchanged
            with; for one of size 2 twice the negative of the row that its second row was exchanged with.
        info (...), int32: the first zero block of D, counted from 1; 0 if none is.

    Source: J. Bunch, L. Kaufman, "Some stable methods for calculating inertia and solving symmetric linear
    systems" (1977); G. Golub, C. Van Loan, *Matrix Computations*, 4th ed. (2013), section 4.4.
    """
    n = a.shape[-1]
    factors = np.tril(a)
    pivots, info = np.zeros((*a.shape[:-2], n), np.int32), np.zeros(a.shape[:-2], np.int32)
    for index in np.ndindex(a.shape[:-2]):
        pivots[index], info[index] = _factor(factors[index], hermitian)
    return factors, pivots, info


def _size(x):
    """|Re| + |Im|, as in LAPACK"""
    return np.abs(x.real) + np.abs(x.imag)


def _factor(a: np.ndarray, hermitian: bool) -> tuple[np.ndarray, int]:
    """Overwrite one lower triangle with its factors."""
    n = len(a)
    pivots, info, k = np.zeros(n, np.int32), 0, 0
    if hermitian:
        np.fill_diagonal(a, a.diagonal().real)
    while k < n:
        row, step = _pivot(a, k)
        if row < 0:
            row, info = k, info or k + 1
        else:
            _exchange(a, k + step - 1, row, k, hermitian)
            _eliminate(a, k, step, hermitian)
        pivots[k : k + step] = row + 1 if step == 1 else -(row + 1)
        k += step
    return pivots, info


def _pivot(a: np.ndarray, k: int) -> tuple[int, int]:
    """The row to exchange, and the size of the block; the row is -1 if column k is zero."""
    own, column = _size(a[k, k]), _size(a[k + 1 :, k])
    largest = column.max(initial=0)
    if max(own, largest) == 0:
        return -1, 1
    if not len(column) or own >= ALPHA * largest:
        return k, 1
    row = k + 1 + int(column.argmax())
    of_row = max(_size(a[row, k:row]).max(initial=0), _size(a[row + 1 :, row]).max(initial=0))
    if own >= ALPHA * largest * (largest / of_row):
        return k, 1
    if _size(a[row, row]) >= ALPHA * of_row:
        return row, 1
    return row, 2


def _exchange(a: np.ndarray, i: int, j: int, k: int, hermitian: bool) -> None:
    """Exchange rows and columns i and j > i of the part that remains from k on."""
    if i == j:
        return
    a[[i, j], k:i] = a[[j, i], k:i]
    below, between = a[j + 1 :, [j, i]], a[j, i + 1 : j].copy()
    a[j + 1 :, [i, j]] = below
    a[j, i + 1 : j] = a[i + 1 : j, i]
    a[i + 1 : j, i] = between
    if hermitian:
        a[j, i:j] = a[j, i:j].conj()
        a[i + 1 : j, i] = a[i + 1 : j, i].conj()
    a[i, i], a[j, j] = a[j, j], a[i, i]


def _eliminate(a: np.ndarray, k: int, step: int, hermitian: bool) -> None:
    """Columns of L, and what remains of the matrix."""
    rest = slice(k + step, None)
    column = a[rest, k : k + step].copy()
    factor = column @ inv(_block(a, k, step, hermitian))[0]
    a[rest, rest] -= np.tril(factor @ (column.conj() if hermitian else column).T)
    if hermitian:
        below = a[rest, rest]
        np.fill_diagonal(below, below.diagonal().real)
    a[rest, k : k + step] = factor


def _block(a: np.ndarray, k: int, step: int, hermitian: bool) -> np.ndarray:
    """The block of D at k."""
    block = a[k : k + step, k : k + step].copy()
    if step == 2:
        block[0, 1] = block[1, 0].conj() if hermitian else block[1, 0]
    return block


@one_call
def ldl_solve(factors: np.ndarray, pivots: np.ndarray, b: np.ndarray, hermitian: bool) -> np.ndarray:
    """x (..., N, K) with a x = b, given the result of :func:`ldl` for a; leading dimensions broadcast."""
    n = factors.shape[-1]
    batch = np.broadcast_shapes(factors.shape[:-2], b.shape[:-2])
    x = np.array(np.broadcast_to(b, (*batch, *b.shape[-2:])), order="C")
    factors, pivots = np.broadcast_to(factors, (*batch, n, n)), np.broadcast_to(pivots, (*batch, n))
    for index in np.ndindex(batch):
        _substitute(factors[index], pivots[index], x[index], hermitian)
    return x


def _substitute(a: np.ndarray, pivots: np.ndarray, x: np.ndarray, hermitian: bool) -> None:
    """Overwrite x with the solution: x = ... L₂⁻ᵀ ... D⁻¹ ... L₁⁻¹ P₁ᵀ b."""
    steps, k = [], 0
    while k < len(a):
        step = 1 if pivots[k] > 0 else 2
        steps.append((k, step, abs(int(pivots[k])) - 1))
        k += step
    for k, step, row in steps:
        x[[k + step - 1, row]] = x[[row, k + step - 1]]
        x[k + step :] -= a[k + step :, k : k + step] @ x[k : k + step]
        x[k : k + step] = inv(_block(a, k, step, hermitian))[0] @ x[k : k + step]
    for k, step, row in reversed(steps):
        column = a[k + step :, k : k + step]
        x[k : k + step] -= (column.conj() if hermitian else column).T @ x[k + step :]
        x[[k + step - 1, row]] = x[[row, k + step - 1]]
