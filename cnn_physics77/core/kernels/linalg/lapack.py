"""What NumPy computes with LAPACK, with PyTorch's conventions for matrices that have no result.

Each function takes matrices (..., M, N). ``info`` has one int32 for each matrix: 0, or where it failed.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from cnn_physics77.core.errors import LinAlgError
from cnn_physics77.core.kernels.linalg.lu import lu
from cnn_physics77.core.kernels.runtime.one_call import one_call


@one_call
def inv(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverses, and info: the first zero on the diagonal of U, counted from 1. Singular ones give NaN."""
    try:
        return np.linalg.inv(a), np.zeros(a.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        regular, info = _regular(a)
        return _nan_where(info != 0, np.linalg.inv(regular)), info


@one_call
def solve(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x (..., N, K) with a x = b, and the info of :func:`inv`; leading dimensions broadcast."""
    try:
        return np.linalg.solve(a, b), np.zeros(a.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        regular, info = _regular(a)
        return _nan_where(info != 0, np.linalg.solve(regular, b)), info


def _regular(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The matrices with the identity for singular ones, and their info."""
    info = lu(a, True)[2]
    return np.where((info != 0)[..., None, None], np.eye(a.shape[-1], dtype=a.dtype), a), info


def _nan_where(failed: np.ndarray, results: np.ndarray) -> np.ndarray:
    return np.where(failed[..., None, None], results.dtype.type(np.nan), results)


@one_call
def det(a: np.ndarray) -> np.ndarray:
    """The determinants (...)."""
    return np.asarray(np.linalg.det(a))


@one_call
def slogdet(a: np.ndarray) -> list[np.ndarray]:
    """Sign and logarithm of the absolute value of the determinants: 0 and -inf for singular matrices."""
    return [np.asarray(part) for part in np.linalg.slogdet(a)]


@one_call
def adjugate(a: np.ndarray) -> np.ndarray:
    r"""The transposed matrices of cofactors: det(a) a⁻¹, and its limit where a is singular.

    With the singular value decomposition :math:`a = U S V^H` it is
    :math:`\det(U V^H)\, V D U^H`, where :math:`d_i = \prod_{j \ne i} s_j`.
    """
    if not np.isfinite(a).all():
        return np.full_like(a, np.nan)
    u, s, vh = np.linalg.svd(a)
    ones = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1]
    phase = np.linalg.det(u) * np.linalg.det(vh)
    v = np.conj(np.swapaxes(vh, -1, -2)) * (phase[..., None] * (before * after))[..., None, :]
    return v @ np.conj(np.swapaxes(u, -1, -2))


@one_call
def cholesky(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower triangular L with a = L Lᴴ, and info: the order of the first leading minor that is not
    positive, where L is NaN. Only the lower triangle of a is read."""
    factor = _factor(a)
    if factor is not None:
        return factor, np.zeros(a.shape[:-2], np.int32)
    flat = a.reshape(-1, *a.shape[-2:])
    info = np.array([_first_bad_minor(matrix) for matrix in flat], np.int32).reshape(a.shape[:-2])
    positive = np.where((info != 0)[..., None, None], np.eye(a.shape[-1], dtype=a.dtype), a)
    return _nan_where(info != 0, np.linalg.cholesky(positive)), info


def _factor(a: np.ndarray) -> np.ndarray | None:
    """The factors, or None if there is one without. LAPACK may let NaN pass."""
    try:
        factor = np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        return None
    return None if np.isnan(np.diagonal(factor, 0, -2, -1)).any() else factor


def _first_bad_minor(a: np.ndarray) -> int:
    """The order of the first leading minor without a Cholesky decomposition, by bisection; else 0."""
    good, bad = 0, len(a) + 1
    while bad - good > 1:
        order = (good + bad) // 2
        if _factor(a[:order, :order]) is None:
            bad = order
        else:
            good = order
    return bad if bad <= len(a) else 0


@one_call
def eigh(a: np.ndarray, UPLO: str) -> list[np.ndarray]:
    """Eigenvalues in ascending order, and eigenvectors as columns, of the Hermitian matrices in one
    triangle."""
    return list(_converged("eigh", a, np.linalg.eigh, UPLO))


@one_call
def eigvalsh(a: np.ndarray, UPLO: str) -> np.ndarray:
    """The eigenvalues of :func:`eigh` alone."""
    return _converged("eigvalsh", a, np.linalg.eigvalsh, UPLO)


@one_call
def eig(a: np.ndarray) -> list[np.ndarray]:
    """Eigenvalues and eigenvectors, as columns of length 1; always complex."""
    kind = np.result_type(a, np.complex64)
    return [part.astype(kind, copy=False) for part in _converged("eig", a, np.linalg.eig)]


@one_call
def eigvals(a: np.ndarray) -> np.ndarray:
    """The eigenvalues of :func:`eig` alone."""
    return _converged("eigvals", a, np.linalg.eigvals).astype(np.result_type(a, np.complex64), copy=False)


@one_call
def svd(a: np.ndarray, full: bool) -> list[np.ndarray]:
    """U, S, Vᴴ with a = U S Vᴴ, and S in descending order."""
    return list(_converged("svd", a, np.linalg.svd, full))


@one_call
def svdvals(a: np.ndarray) -> np.ndarray:
    """The singular values of :func:`svd` alone."""
    return _converged("svdvals", a, np.linalg.svdvals)


@one_call
def qr(a: np.ndarray, mode: Literal["reduced", "complete", "r"]) -> list[np.ndarray]:
    """Q and R with a = Q R; Q is empty for mode "r"."""
    if mode == "r":
        return [np.empty(0, a.dtype), np.asarray(np.linalg.qr(a, "r"))]
    q, r = np.linalg.qr(a, mode)
    return [q, r]


def _converged(name: str, a: np.ndarray, function, *arguments):
    """``function(a, *arguments)``, or a LinAlgError."""
    if not np.isfinite(a).all():
        raise LinAlgError(
            f"linalg.{name}: expected finite numbers, found infinity or NaN, for which there is no result"
        )
    try:
        return function(a, *arguments)
    except np.linalg.LinAlgError as error:
        raise LinAlgError(
            f"linalg.{name}: expected a matrix for which the algorithm converges, found one for which it "
            f"does not ({error}); scale it, or add a small multiple of the identity"
        ) from None


@one_call
def pinv(a: np.ndarray, atol: np.ndarray, rtol: np.ndarray, hermitian: bool) -> np.ndarray:
    """The pseudoinverses (..., N, M), by singular values, or eigenvalues if Hermitian."""
    if hermitian:
        values, v = eigh(a, "L")
        left, right = v, v
    else:
        left, values, vh = svd(a, False)
        right = np.conj(np.swapaxes(vh, -1, -2))
    above = _above(values, atol, rtol)
    inverse = np.where(above, 1 / np.where(above, values, 1), 0).astype(values.dtype)
    return (right * inverse[..., None, :]) @ np.conj(np.swapaxes(left, -1, -2))


@one_call
def matrix_rank(a: np.ndarray, atol: np.ndarray, rtol: np.ndarray, hermitian: bool) -> np.ndarray:
    """How many singular values are above the tolerances: int64."""
    values = eigvalsh(a, "L") if hermitian else svdvals(a)
    return np.asarray(_above(values, atol, rtol).sum(-1), np.int64)


def _above(values: np.ndarray, atol: np.ndarray, rtol: np.ndarray) -> np.ndarray:
    """Which absolute values are above atol and above rtol times the largest one."""
    sizes = np.abs(values)
    largest = sizes.max(-1, initial=0)
    return sizes > np.maximum(atol, rtol * largest)[..., None]


@one_call
def geqrf(a: np.ndarray) -> list[np.ndarray]:
    """R in the upper triangle, the vectors of the reflections below it, and their factors τ."""
    raw, tau = np.linalg.qr(a, "raw")
    return [np.swapaxes(raw, -1, -2).copy(), tau]
