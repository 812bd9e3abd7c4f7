"""The Cholesky decomposition, and what is done with it."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.kernels.linalg import lapack
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.creation.creation import eye
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.diagonal import tril
from cnn_physics77.core.operations.linalg.inputs import matrices, raise_failure, square_matrices
from cnn_physics77.core.operations.linalg.inverse import with_columns
from cnn_physics77.core.operations.linalg.matmul import of_one_dtype
from cnn_physics77.core.operations.linalg.triangular import solved
from cnn_physics77.core.tensor import Tensor, method


@operation(name="cholesky", extras=["info"])
def _cholesky(a, *, upper):
    """y, lower triangular, with a = y yᴴ; only one triangle of a is read"""
    return lapack.cholesky(np.conj(np.swapaxes(a, -1, -2)) if upper else a)


@_cholesky.derivative("a")
def _(g, y):
    """½ y⁻ᴴ (P + Qᴴ) y⁻¹, where P is the lower triangle of yᴴ g, and Q is P without its diagonal"""
    lower = tril(y.mH @ g)
    half = solved(y.mH, lower + tril(lower, -1).mH, upper=True)
    return solved(y.mH, half.mH, upper=True).mH / 2


_NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor "
    "of order {} is not positive-definite); use eigh, or add a multiple of the identity"
)


def cholesky_ex(
    input: Tensor, *, upper: bool = False, check_errors: bool = False
) -> return_types.linalg_cholesky_ex:
    """:func:`cholesky` without an error for other matrices: a named tuple (L, info).

    Args:
        upper: whether the factor is the upper triangular one.
        check_errors: whether to raise the error nevertheless.

    Returns:
        L: (..., N, N); NaN where there is none.
        info: (...), int32: 0, or the order of the first leading minor that is not positive.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.cholesky_ex(torch.tensor([[4.0]]))
    torch.return_types.linalg_cholesky_ex(
    L=tensor([[2.]]),
    info=tensor(0, dtype=torch.int32))
    """
    return _factor("linalg.cholesky_ex", input, upper, check_errors)


def _factor(function: str, input, upper: bool, check_errors: bool) -> return_types.linalg_cholesky_ex:
    A = square_matrices(function, input)
    factor, info = _cholesky(A, upper=bool(upper))
    if check_errors:
        raise_failure(function, info, _NOT_POSITIVE)
    return return_types.linalg_cholesky_ex(factor.mH if upper else factor, info)


def cholesky(input: Tensor, *, upper: bool = False) -> Tensor:
    r"""The Cholesky decomposition of Hermitian positive-definite matrices.

    .. math:: A = L L^H \qquad \bar A = \tfrac12 L^{-H} H L^{-1}, \qquad
        h_{ij} = (L^H \bar L)_{ij} \text{ for } i \ge j, \quad h_{ij} = h_{ji}^* \text{ for } i < j

    Args:
        input: A, (..., N, N), floating or complex. Only the lower triangle is read, or the upper one.
        upper: whether to return :math:`U = L^H` of the upper triangle.

    Returns:
        L, (..., N, N), lower triangular, with a positive diagonal. The gradient of a real A is symmetric.
        That of a complex A is defined up to an anti-Hermitian part, which is PyTorch's.

    Raises:
        LinAlgError: a matrix is not positive-definite.
        ShapeError: the matrices are not square.
        DtypeError: the input is neither floating nor complex, or float16.

    Source of the derivative: I. Murray, "Differentiation of the Cholesky decomposition" (2016), section 3.2.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.cholesky(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return _factor("linalg.cholesky", input, upper, True).L


@method("cholesky_solve")
def cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False) -> Tensor:
    r"""The solution X of AX = B, given the Cholesky factor of A.

    Args:
        input: B, (..., N, K), floating or complex.
        input2: L with :math:`A = L L^H`, (..., N, N), of the same dtype; or U with :math:`A = U^H U`. Leading
            dimensions broadcast.
        upper: whether the factor is upper triangular.

    Raises:
        ShapeError: the factor is not square, or the sizes do not fit.
        DtypeError: the dtypes differ, or are neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> torch.cholesky_solve(torch.tensor([[8.0]]), torch.tensor([[2.0]]))
    tensor([[2.]])
    """
    B, factor = of_one_dtype(
        "cholesky_solve",
        matrices("cholesky_solve", input, "B"),
        square_matrices("cholesky_solve", input2, "L"),
    )
    B = with_columns("cholesky_solve", factor, B, True, vectors=False)
    lower = factor.mH if upper else factor
    return solved(lower.mH, solved(lower, B, upper=False), upper=True)


@method("cholesky_inverse")
def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """The inverse of A, given its Cholesky factor: see :func:`cholesky_solve`.

    >>> import cnn_physics77 as torch
    >>> torch.cholesky_inverse(torch.tensor([[2.0]]))
    tensor([[0.2500]])
    """
    factor = square_matrices("cholesky_inverse", input, "L")
    return cholesky_solve(eye(factor.shape[-1], dtype=factor.dtype), factor, upper)


__all__ = ["cholesky", "cholesky_ex", "cholesky_inverse", "cholesky_solve"]

complete_late(__name__)
