"""Triangular systems of equations."""

from __future__ import annotations

from cnn_physics77.core.kernels.linalg import triangular
from cnn_physics77.core.operations.base.broadcasting import sum_to
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.diagonal import tril, triu
from cnn_physics77.core.operations.linalg.inputs import matrices, square_matrices
from cnn_physics77.core.operations.linalg.inverse import with_columns
from cnn_physics77.core.operations.linalg.matmul import of_one_dtype
from cnn_physics77.core.tensor import Tensor


@operation(name="solve_triangular")
def _solve(a, b, *, upper, unit):
    return triangular.solve_triangular(a, b, upper, unit)


@_solve.joint_derivative
def _(g, needed, a, y, a_shape, b_shape, upper, unit):
    """As for solve: gb = a⁻ᴴ g, and ga is the triangle of −gb yᴴ"""
    gb = _solve(a.mH, g, upper=not upper, unit=unit)
    ga = None
    if needed[0]:
        whole = sum_to(-(gb @ y.mH), a_shape)
        ga = triu(whole, int(unit)) if upper else tril(whole, -int(unit))
    return ga, sum_to(gb, b_shape)


def solved(a: Tensor, b: Tensor, *, upper: bool, unit: bool = False) -> Tensor:
    """x with a x = b for triangular a, without checks; leading dimensions broadcast."""
    return _solve(a, b, upper=upper, unit=unit)


def solve_triangular(
    input: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    r"""The solution X of AX = B, or of XA = B, for triangular A.

    .. math:: X = A^{-1} B \qquad \bar B = A^{-H} \bar X \qquad \bar A = -\mathrm{tri}(\bar B X^H)

    Args:
        input: A, (..., N, N), floating or complex.
        B: of the same dtype, (..., N, K), or (..., K, N) if not ``left``. Leading dimensions broadcast.
        upper: whether the upper triangle of A is read; otherwise the lower one. The rest counts as zeros.
        left: whether A stands to the left of X.
        unitriangular: whether the diagonal of A counts as ones, and is not read either.

    Returns:
        X, of the broadcast shape of B. A zero on the diagonal gives infinity or NaN.

    Raises:
        ShapeError: A is not square, or the sizes do not fit.
        DtypeError: the dtypes differ, or are neither floating nor complex.

    Source of the derivative: M. Giles (2008), see :func:`.inverse.solve`.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.solve_triangular(
    ...     torch.tensor([[2.0, 0.0], [2.0, 1.0]]), torch.tensor([[2.0], [3.0]]), upper=False
    ... )
    tensor([[1.],
            [1.]])
    """
    name = "linalg.solve_triangular"
    A, B = of_one_dtype(name, square_matrices(name, input), matrices(name, B, "B"))
    B = with_columns(name, A, B, left, vectors=False)
    if left:
        return solved(A, B, upper=upper, unit=unitriangular)
    return solved(A.mT, B.mT, upper=not upper, unit=unitriangular).mT


__all__ = ["solve_triangular"]

complete_late(__name__)
