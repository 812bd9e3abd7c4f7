"""Singular values and principal components of low rank, by random projection.

Source: N. Halko, P.-G. Martinsson, J. A. Tropp, "Finding structure with randomness: probabilistic algorithms
for constructing approximate matrix decompositions", SIAM Review 53 (2011), algorithms 4.4 and 5.1.
"""

from __future__ import annotations

from cnn_physics77.core.errors import RangeError
from cnn_physics77.core.operations.creation.random_sampling import randn
from cnn_physics77.core.operations.indexing.shape import broadcast_to
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.inputs import matrices
from cnn_physics77.core.operations.linalg.qr import qr
from cnn_physics77.core.operations.linalg.svd import svd
from cnn_physics77.core.tensor import Tensor


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    r"""The q largest singular values and their vectors, nearly: a tuple (U, S, V).

    .. math:: A - M \approx U \mathrm{diag}(S) V^H

    The columns of Q, an orthonormal basis of :math:`(A A^H)^{\mathrm{niter}} A R` with random R, nearly span
    the space of the vectors in U; the decomposition is that of :math:`Q Q^H A`. It is exact if the rank is at
    most q. Otherwise the singular values after the q-th make the error, which falls with each iteration.

    Args:
        A: (..., M, N), floating or complex.
        q: a little more than the rank; None is 6. At most min(M, N) values are found.
        niter: the number of iterations; None is 2.
        M: broadcast to the shape of A, and subtracted from it. None is 0.

    Returns:
        U: (..., M, q).
        S: (..., q), real, in descending order.
        V: (..., N, q).

    R is drawn by the global generator: :func:`manual_seed` repeats it. The derivative is that of these steps,
    to any order.

    Raises:
        ShapeError: there are fewer than 2 dimensions.
        DtypeError: A is neither floating nor complex, or float16.

    >>> import cnn_physics77 as torch
    >>> torch.svd_lowrank(torch.tensor([[0.0, 2.0], [0.0, 0.0], [1.0, 0.0]]), q=2)[1]
    tensor([2., 1.])
    """
    A = matrices("svd_lowrank", A)
    if M is not None:
        A = A - broadcast_to(M, A.shape)
    if A.shape[-2] < A.shape[-1]:
        V, S, U = _of_tall(A.mH, q, niter)
        return U, S, V
    return _of_tall(A, q, niter)


def _of_tall(A: Tensor, q: int | None, niter: int | None) -> tuple[Tensor, Tensor, Tensor]:
    Q = qr(A @ randn(A.shape[-1], 6 if q is None else q, dtype=A.dtype)).Q
    for _ in range(2 if niter is None else niter):
        Q = qr(A @ qr(A.mH @ Q).Q).Q
    U, S, Vh = svd(Q.mH @ A, full_matrices=False)
    return Q @ U, S, Vh.mH


def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    r"""The first q principal components, nearly: a tuple (U, S, V).

    .. math:: A - \frac{1}{M} \sum_i A_{i\cdot} \approx U \mathrm{diag}(S) V^H

    The columns of V are the principal directions of the rows of A, and :math:`S^2 / (M - 1)` the variances
    along these: see :func:`svd_lowrank`.

    Args:
        A: (..., M, N): M samples of N features.
        q: the number of components; None is min(6, M, N).
        center: whether to subtract the mean of the samples.
        niter: the number of iterations.

    Raises:
        RangeError: q is negative or above min(M, N), or niter is negative.
        ShapeError: there are fewer than 2 dimensions.
        DtypeError: A is neither floating nor complex, or float16.

    >>> import cnn_physics77 as torch
    >>> samples = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    >>> torch.pca_lowrank(samples, q=1)[1]
    tensor([2.])
    """
    A = matrices("pca_lowrank", A)
    most = min(A.shape[-2:])
    if q is not None and not 0 <= q <= most:
        raise RangeError(f"pca_lowrank: expected q from 0 to min(M, N) = {most}, found {q}")
    if niter < 0:
        raise RangeError(f"pca_lowrank: expected niter of at least 0, found {niter}")
    centered = A - A.mean(-2, keepdim=True) if center else A
    return svd_lowrank(centered, min(6, most) if q is None else q, niter)


__all__ = ["pca_lowrank", "svd_lowrank"]

complete_late(__name__)
