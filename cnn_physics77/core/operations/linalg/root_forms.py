"""Decompositions as ``torch`` itself and Tensor have them, with names or arguments that are older than
``torch.linalg``."""

from __future__ import annotations

from cnn_physics77.core.operations.creation.creation import zeros
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg import cholesky as _cholesky
from cnn_physics77.core.operations.linalg import determinant as _determinant
from cnn_physics77.core.operations.linalg import inverse as _inverse
from cnn_physics77.core.operations.linalg import qr as _qr
from cnn_physics77.core.operations.linalg import svd as _svd
from cnn_physics77.core.operations.linalg.inputs import matrices
from cnn_physics77.core.operations.linalg.results import SVD, QRResult, SlogdetResult
from cnn_physics77.core.tensor import Tensor, method


@method("inverse")
def inverse(input: Tensor) -> Tensor:
    """:func:`torch.linalg.inv <cnn_physics77.core.operations.linalg.inverse.inv>`.

    >>> import cnn_physics77 as torch
    >>> torch.inverse(torch.tensor([[4.0]]))
    tensor([[0.2500]])
    """
    return _inverse.inv(input)


@method("det")
def det(input: Tensor) -> Tensor:
    """:func:`torch.linalg.det <cnn_physics77.core.operations.linalg.determinant.det>`.

    >>> import cnn_physics77 as torch
    >>> torch.det(torch.tensor([[4.0]]))
    tensor(4.)
    """
    return _determinant.det(input)


@method("slogdet")
def slogdet(input: Tensor) -> SlogdetResult:
    """:func:`torch.linalg.slogdet <cnn_physics77.core.operations.linalg.determinant.slogdet>`.

    >>> import cnn_physics77 as torch
    >>> torch.slogdet(torch.tensor([[-1.0]]))
    SlogdetResult(sign=tensor(-1.), logabsdet=tensor(0.))
    """
    return _determinant.slogdet(input)


@method("cholesky")
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """:func:`torch.linalg.cholesky <cnn_physics77.core.operations.linalg.cholesky.cholesky>`.

    >>> import cnn_physics77 as torch
    >>> torch.cholesky(torch.tensor([[4.0]]))
    tensor([[2.]])
    """
    return _cholesky.cholesky(input, upper=upper)


@method("svd")
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> SVD:
    """The singular value decomposition with V instead of its conjugate transpose: a named tuple (U, S, V).
    See :func:`torch.linalg.svd <cnn_physics77.core.operations.linalg.svd.svd>`.

    Args:
        some: whether U and V have only the first min(M, N) columns.
        compute_uv: False gives zeros for U (..., M, M) and V (..., N, N).

    >>> import cnn_physics77 as torch
    >>> torch.svd(torch.tensor([[0.0, 2.0], [1.0, 0.0]])).S
    tensor([2., 1.])
    """
    A = matrices("svd", input)
    if compute_uv:
        U, S, Vh = _svd.svd(A, not some)
        return SVD(U, S, Vh.mH)
    *batch, m, n = A.shape
    U, V = (zeros((*batch, size, size), dtype=A.dtype) for size in (m, n))
    return SVD(U, _svd.svdvals(A), V)


@method("qr")
def qr(input: Tensor, some: bool = True) -> QRResult:
    """:func:`torch.linalg.qr <cnn_physics77.core.operations.linalg.qr.qr>` with mode "reduced" if ``some``,
    else "complete".

    >>> import cnn_physics77 as torch
    >>> torch.qr(torch.ones(3, 2), some=False).Q.shape
    torch.Size([3, 3])
    """
    return _qr.qr(input, "reduced" if some else "complete")


__all__ = ["cholesky", "det", "inverse", "qr", "slogdet", "svd"]

complete_late(__name__)
