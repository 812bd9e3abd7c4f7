"""The LU decomposition, and what is done with it."""

from __future__ import annotations

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels.linalg import lu as kernels
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.creation.creation import eye
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.diagonal import tril, triu
from cnn_physics77.core.operations.linalg.inputs import matrices, raise_failure, square_matrices
from cnn_physics77.core.operations.linalg.inverse import SINGULAR, with_columns
from cnn_physics77.core.operations.linalg.matmul import of_one_dtype
from cnn_physics77.core.operations.linalg.triangular import solved
from cnn_physics77.core.tensor import Tensor, from_array


@operation(name="lu_factor", extras=["pivots", "info"])
def _lu(a, *, pivot):
    """L, without its diagonal of ones, and U with a = P L U, in one matrix"""
    return kernels.lu(a, pivot)


@_lu.derivative("a")
def _(g, y, pivots):
    """P L₁⁻ᴴ (tril(L₁ᴴ gL₁ − gU₂ U₂ᴴ, −1) + triu(gU₁ U₁ᴴ − L₂ᴴ gL₂)) U₁⁻ᴴ for the square part of a"""
    lower, upper = _factors(y)
    m, k, n = lower.shape[-2], lower.shape[-1], upper.shape[-1]
    g_lower, g_upper = tril(g[..., :k], -1), triu(g[..., :k, :])
    square, u_square = lower[..., :k, :], upper[..., :k]
    x, z = square.mH @ g_lower[..., :k, :], g_upper[..., :k] @ u_square.mH
    if m > k:
        z = z - lower[..., k:, :].mH @ g_lower[..., k:, :]
    if n > k:
        x = x - g_upper[..., k:] @ upper[..., k:].mH

    def without_upper(rows: Tensor) -> Tensor:
        return solved(u_square, rows.mH, upper=True).mH

    result = without_upper(solved(square.mH, tril(x, -1) + triu(z), upper=True, unit=True))
    if m > k:
        result = cat([result, without_upper(g_lower[..., k:, :])], -2)
    if n > k:
        result = cat([result, solved(square.mH, g_upper[..., k:], upper=True, unit=True)], -1)
    return _permutation_matrix(pivots, m, g) @ result


def _permutation_matrix(pivots: Tensor, m: int, like: Tensor) -> Tensor:
    return from_array(kernels.permutation_matrix(pivots.array, m, like.array.dtype))


def _factors(packed: Tensor) -> tuple[Tensor, Tensor]:
    """L (..., M, K) and U (..., K, N) from one matrix (..., M, N)."""
    m, n = packed.shape[-2:]
    k = min(m, n)
    lower = tril(packed[..., :k], -1) + eye(m, k, dtype=packed.dtype)
    return lower, triu(packed[..., :k, :])


def lu_factor_ex(
    A: Tensor, *, pivot: bool = True, check_errors: bool = False
) -> return_types.linalg_lu_factor_ex:
    """:func:`lu_factor` without an error for singular matrices: a named tuple (LU, pivots, info).

    Returns:
        info: (...), int32: 0, or the first diagonal element of U, counted from 1, that is zero.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.lu_factor_ex(torch.zeros(1, 1)).info
    tensor(1, dtype=torch.int32)
    """
    LU, pivots, info = _lu(matrices("linalg.lu_factor_ex", A), pivot=bool(pivot))
    if check_errors:
        raise_failure("linalg.lu_factor_ex", info, SINGULAR)
    return return_types.linalg_lu_factor_ex(LU, pivots, info)


def lu_factor(A: Tensor, *, pivot: bool = True) -> return_types.linalg_lu_factor:
    """The LU decomposition in a compact form: a named tuple (LU, pivots). See :func:`lu`.

    Args:
        A: (..., M, N), floating or complex.
        pivot: see :func:`lu`.

    Returns:
        LU: (..., M, N): U in the upper triangle; below it L, whose diagonal of ones is left out.
        pivots: (..., K), int32: row i was exchanged with this row, counted from 1, at step i.

    Raises:
        LinAlgError: an element on the diagonal of U is zero, so that :func:`lu_solve` would divide by it.
        ShapeError: there are fewer than 2 dimensions.
        DtypeError: the input is neither floating nor complex, or float16.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.lu_factor(torch.tensor([[1.0, 2.0], [2.0, 2.0]]))
    torch.return_types.linalg_lu_factor(
    LU=tensor([[2.0000, 2.0000],
            [0.5000, 1.0000]]),
    pivots=tensor([2, 2], dtype=torch.int32))
    """
    LU, pivots, info = _lu(matrices("linalg.lu_factor", A), pivot=bool(pivot))
    raise_failure("linalg.lu_factor", info, SINGULAR)
    return return_types.linalg_lu_factor(LU, pivots)


def lu(A: Tensor, *, pivot: bool = True) -> return_types.linalg_lu:
    r"""The LU decomposition with partial pivoting: a named tuple (P, L, U).

    .. math:: A = P L U \qquad \bar A = P L^{-H} \big(\mathrm{tril}_{-1}(L^H \bar L) +
        \mathrm{triu}(\bar U U^H)\big) U^{-H} \text{ for square A}

    Args:
        A: (..., M, N), floating or complex; K = min(M, N).
        pivot: whether rows are exchanged, so that no element of L exceeds 1. Without, the decomposition need
            not exist: elements are then infinite or NaN. (PyTorch raises for the CPU.)

    Returns:
        P: (..., M, M), a permutation matrix; empty without pivots.
        L: (..., M, K), lower triangular, with ones on the diagonal.
        U: (..., K, N), upper triangular.

    The gradient requires the first K columns of A to be independent.

    Raises:
        ShapeError: there are fewer than 2 dimensions.
        DtypeError: the input is neither floating nor complex, or float16.

    Source of the derivative: F. de Hoog, R. Anderssen, M. Lukas, "Differentiation of matrix functionals using
    triangular factorization" (2011).

    >>> import cnn_physics77 as torch
    >>> torch.linalg.lu(torch.tensor([[1.0, 2.0], [2.0, 2.0]])).U
    tensor([[2., 2.],
            [0., 1.]])
    """
    A = matrices("linalg.lu", A)
    packed, pivots, _ = _lu(A, pivot=bool(pivot))
    P = _permutation_matrix(pivots, A.shape[-2], A) if pivot else _nothing(A)
    return return_types.linalg_lu(P, *_factors(packed))


def _nothing(like: Tensor) -> Tensor:
    return from_array(like.array[..., :0].ravel())


def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> return_types.lu_unpack:
    """P, L and U from the result of :func:`lu_factor`: a named tuple (P, L, U). See :func:`lu`.

    Args:
        unpack_data: whether to give L and U; otherwise they are empty.
        unpack_pivots: whether to give P; otherwise it is empty.

    Raises:
        ShapeError: there are fewer than 2 dimensions, or the pivots do not fit.
        DtypeError: the pivots are not int32.

    >>> import cnn_physics77 as torch
    >>> torch.lu_unpack(*torch.linalg.lu_factor(torch.tensor([[1.0, 2.0], [2.0, 2.0]]))).P
    tensor([[0., 1.],
            [1., 0.]])
    """
    packed = matrices("lu_unpack", LU_data, "LU_data")
    nothing = _nothing(packed)
    P, L, U = nothing, nothing, nothing
    if unpack_pivots:
        P = _permutation_matrix(_pivots("lu_unpack", LU_pivots, packed), packed.shape[-2], packed)
    if unpack_data:
        L, U = _factors(packed)
    return return_types.lu_unpack(P, L, U)


def _pivots(function: str, pivots: Tensor, packed: Tensor) -> Tensor:
    if pivots.array.dtype != "int32":
        raise DtypeError(f"{function}: expected pivots of torch.int32, found {pivots.dtype}; use lu_factor's")
    *batch, m, n = packed.array.shape
    if pivots.array.shape != (*batch, min(m, n)):
        raise ShapeError(
            f"{function}: expected pivots of shape {(*batch, min(m, n))} for matrices {packed.array.shape}, "
            f"found {pivots.array.shape}; use lu_factor's"
        )
    return pivots


def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    r"""The solution X of AX = B, or of XA = B, given the result of :func:`lu_factor` for A.

    .. math:: X = U^{-1} L^{-1} P^T B

    Args:
        LU: (..., N, N), floating or complex.
        pivots: (..., N), int32.
        B: (..., N, K), or (..., K, N) if not ``left``, of the same dtype. Leading dimensions broadcast.
        left: whether A stands to the left of X.
        adjoint: whether :math:`A^H` stands for A.

    Raises:
        ShapeError: the matrices are not square, or the sizes do not fit.
        DtypeError: the dtypes differ, or are neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> LU, pivots = torch.linalg.lu_factor(torch.tensor([[0.0, 2.0], [4.0, 0.0]]))
    >>> torch.linalg.lu_solve(LU, pivots, torch.tensor([[2.0], [4.0]]))
    tensor([[1.],
            [1.]])
    """
    return _solved("linalg.lu_solve", LU, pivots, B, left, adjoint)


def _solved(function: str, LU: Tensor, pivots: Tensor, B: Tensor, left: bool, adjoint: bool) -> Tensor:
    LU, B = of_one_dtype(function, square_matrices(function, LU, "LU"), matrices(function, B, "B"))
    B = with_columns(function, LU, B, left, vectors=False)
    P = _permutation_matrix(_pivots(function, pivots, LU), LU.shape[-1], LU)
    if not left:  # XA = B is Aᴴ Xᴴ = Bᴴ
        B, adjoint = B.mH, not adjoint
    if adjoint:
        X = P @ solved(LU.mH, solved(LU.mH, B, upper=False), upper=True, unit=True)
    else:
        X = solved(LU, solved(LU, P.mT @ B, upper=False, unit=True), upper=True)
    return X if left else X.mH


__all__ = ["lu", "lu_factor", "lu_factor_ex", "lu_solve", "lu_unpack"]

complete_late(__name__)
