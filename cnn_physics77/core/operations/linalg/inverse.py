"""Inverses and solutions of linear systems."""

from __future__ import annotations

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.linalg import lapack
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.broadcasting import common_shape, sum_to
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.inputs import matrices, numbers, raise_failure, square_matrices
from cnn_physics77.core.operations.linalg.matmul import of_one_dtype
from cnn_physics77.core.tensor import Tensor

# --------------------------------------------------------------------------------------------- inverses


@operation(name="inv", extras=["info"])
def inverse_and_info(a):
    """y = a⁻¹"""
    return lapack.inv(a)


@inverse_and_info.derivative("a")
def _(g, y):
    """−yᴴ g yᴴ, from 0 = d(a y) = da y + a dy"""
    return -(y.mH @ g @ y.mH)


SINGULAR = (
    "expected a regular matrix, found a singular one: element {} on the diagonal of its factor U is zero; "
    "use pinv or lstsq"
)


def inv(A: Tensor) -> Tensor:
    r"""The inverse of square matrices.

    .. math:: Y = A^{-1} \qquad \bar A = -Y^H \bar Y Y^H

    Args:
        A: (..., N, N), floating or complex.

    Returns:
        Y, (..., N, N). :func:`solve` is faster and more accurate than a product with it.

    Raises:
        LinAlgError: a matrix is singular: its LU decomposition has a zero on the diagonal of U.
        ShapeError: the matrices are not square.
        DtypeError: the input is neither floating nor complex, or float16.

    Source of the derivative: M. Giles, "Collected matrix derivative results for forward and reverse mode
    algorithmic differentiation" (2008), section 2.2.3.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.inv(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    inverse, info = inverse_and_info(square_matrices("linalg.inv", A))
    raise_failure("linalg.inv", info, SINGULAR)
    return inverse


def inv_ex(A: Tensor, *, check_errors: bool = False) -> return_types.linalg_inv_ex:
    """:func:`inv` without an error for singular matrices: a named tuple (inverse, info).

    Args:
        check_errors: whether to raise the error nevertheless.

    Returns:
        inverse: (..., N, N); NaN where the matrix is singular.
        info: (...), int32: 0, or the first diagonal element of U, counted from 1, that is zero.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.inv_ex(torch.zeros(1, 1))
    torch.return_types.linalg_inv_ex(
    inverse=tensor([[nan]]),
    info=tensor(1, dtype=torch.int32))
    """
    inverse, info = inverse_and_info(square_matrices("linalg.inv_ex", A))
    if check_errors:
        raise_failure("linalg.inv_ex", info, SINGULAR)
    return return_types.linalg_inv_ex(inverse, info)


# --------------------------------------------------------------------------------------------- systems


@operation(name="solve", extras=["info"])
def solution_and_info(a, b):
    """y with a y = b, for b (..., N, K)"""
    return lapack.solve(a, b)


@solution_and_info.joint_derivative
def _(g, needed, a, y, a_shape, b_shape):
    """gb = a⁻ᴴ g and ga = −gb yᴴ, from da y + a dy = db"""
    gb = solution_and_info(a.mH, g)[0]
    return sum_to(-(gb @ y.mH), a_shape) if needed[0] else None, sum_to(gb, b_shape)


def with_columns(function: str, A: Tensor, B: Tensor, left: bool, vectors: bool) -> Tensor:
    """B as matrices whose sizes fit those of A in AX = B, or in XA = B, and whose batch broadcasts with A's.

    Args:
        vectors: whether B consists of vectors, which become matrices of one column.

    Raises:
        ShapeError: the sizes do not fit.
    """
    if vectors:
        B = B.unsqueeze(-1)
    a, b = A.array.shape, B.array.shape
    if b[-2 if left else -1] != a[-1]:
        raise ShapeError(
            f"{function}: expected A and B whose sizes fit in {'AX = B' if left else 'XA = B'}, found "
            f"{a[-2]} by {a[-1]} and {b[-2]} by {b[-1]}; transpose one of them, or choose left="
        )
    common_shape(f"{function}: leading dimensions of A {a} and B {b}", a[:-2], b[:-2])
    return B


def _solved(function: str, A, B, left: bool) -> tuple[Tensor, Tensor]:
    A, B = of_one_dtype(function, square_matrices(function, A), numbers(function, B))
    b = B.array.shape
    vectors = len(b) == 1 or b == A.array.shape[:-1]
    if not vectors:
        matrices(function, B, "B")
    B = with_columns(function, A, B, left, vectors)
    if left:
        x, info = solution_and_info(A, B)
    else:
        x, info = solution_and_info(A.mT, B.mT)
        x = x.mT
    return (x.squeeze(-1) if vectors else x), info


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    r"""The solution X of AX = B, or of XA = B.

    .. math:: X = A^{-1} B \qquad \bar B = A^{-H} \bar X \qquad \bar A = -\bar B X^H

    Args:
        A: (..., N, N), floating or complex.
        B: of the same dtype: (..., N, K); (..., K, N) if not ``left``; vectors (..., N) with the batch of A,
            or one vector (N). Leading dimensions broadcast.
        left: whether A stands to the left of X.

    Returns:
        X, of the broadcast shape of B.

    Raises:
        LinAlgError: a matrix is singular.
        ShapeError: the matrices are not square, or the sizes do not fit.
        DtypeError: the dtypes differ, or are neither floating nor complex.

    Source of the derivative: M. Giles (2008), see :func:`inv`, section 2.3.1.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.solve(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([0.5000, 0.2500])
    """
    x, info = _solved("linalg.solve", A, B, left)
    raise_failure("linalg.solve", info, SINGULAR)
    return x


def solve_ex(
    A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False
) -> return_types.linalg_solve_ex:
    """:func:`solve` without an error for singular matrices, whose solution is NaN: a named tuple (result,
    info). See :func:`inv_ex`.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.solve_ex(torch.ones(1, 1), torch.ones(1))
    torch.return_types.linalg_solve_ex(
    result=tensor([1.]),
    info=tensor(0, dtype=torch.int32))
    """
    x, info = _solved("linalg.solve_ex", A, B, left)
    if check_errors:
        raise_failure("linalg.solve_ex", info, SINGULAR)
    return return_types.linalg_solve_ex(x, info)


__all__ = ["inv", "inv_ex", "solve", "solve_ex"]

complete_late(__name__)
