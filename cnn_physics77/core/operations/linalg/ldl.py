"""The decomposition of symmetric and Hermitian matrices that need not be positive-definite."""

from __future__ import annotations

from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError
from cnn_physics77.core.kernels.linalg import ldl as kernels
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.inputs import matrices, raise_failure, square_matrices
from cnn_physics77.core.operations.linalg.inverse import with_columns
from cnn_physics77.core.operations.linalg.matmul import of_one_dtype
from cnn_physics77.core.tensor import Tensor


@operation(name="ldl_factor", extras=["pivots", "info"])
def _ldl(a, *, hermitian):
    return kernels.ldl(a, hermitian)


@_ldl.derivative("a")
def _(g):
    raise GradientError(
        "linalg.ldl_factor: expected an input that does not require grad, found one that does; use solve"
    )


@operation(name="ldl_solve")
def _solve(b, factors, pivots, *, hermitian):
    return kernels.ldl_solve(factors, pivots, b, hermitian)


@_solve.derivative("b", "factors")
def _(g):
    raise GradientError(
        "linalg.ldl_solve: expected inputs that do not require grad, found one that does; use solve"
    )


_ZERO = "expected a regular matrix, found a singular one: block {} of D is zero; use pinv or lstsq"


def ldl_factor_ex(
    input: Tensor, *, hermitian: bool = False, check_errors: bool = False
) -> return_types.linalg_ldl_factor_ex:
    """:func:`ldl_factor` without an error for singular matrices: a named tuple (LD, pivots, info).

    Returns:
        info: (...), int32: 0, or the first block of D, counted from 1, that is zero.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.ldl_factor_ex(torch.zeros(1, 1)).info
    tensor(1, dtype=torch.int32)
    """
    A = square_matrices("linalg.ldl_factor_ex", input)
    LD, pivots, info = _ldl(A, hermitian=_is_hermitian(A, hermitian))
    if check_errors:
        raise_failure("linalg.ldl_factor_ex", info, _ZERO)
    return return_types.linalg_ldl_factor_ex(LD, pivots, info)


def _is_hermitian(A: Tensor, hermitian: bool) -> bool:
    """Whether to conjugate: a real Hermitian matrix is a symmetric one."""
    return bool(hermitian) and A.array.dtype.kind == "c"


def ldl_factor(input: Tensor, *, hermitian: bool = False) -> return_types.linalg_ldl_factor:
    r"""The decomposition of Bunch and Kaufman in a compact form: a named tuple (LD, pivots).

    .. math:: P^T A P = L D L^T, \qquad \text{or } L D L^H \text{ for Hermitian A}

    Args:
        input: A, (..., N, N), floating or complex, of which only the lower triangle is read.
        hermitian: whether a complex A is Hermitian; otherwise it is symmetric.

    Returns:
        LD: (..., N, N): the blocks of D, of size 1 or 2, and L, whose diagonal of ones is left out.
        pivots: (..., N), int32: the exchanges of rows, in LAPACK's form: negative for blocks of size 2.

    There is no derivative (as in PyTorch).

    Raises:
        LinAlgError: a block of D is zero.
        ShapeError: the matrices are not square.
        DtypeError: the input is neither floating nor complex, or float16.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.ldl_factor(torch.tensor([[2.0, 0.0], [1.0, 1.0]]))
    torch.return_types.linalg_ldl_factor(
    LD=tensor([[2.0000, 0.0000],
            [0.5000, 0.5000]]),
    pivots=tensor([1, 2], dtype=torch.int32))
    """
    A = square_matrices("linalg.ldl_factor", input)
    LD, pivots, info = _ldl(A, hermitian=_is_hermitian(A, hermitian))
    raise_failure("linalg.ldl_factor", info, _ZERO)
    return return_types.linalg_ldl_factor(LD, pivots)


def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """The solution X of AX = B, given the result of :func:`ldl_factor` for A.

    Args:
        LD: (..., N, N), floating or complex.
        pivots: (..., N), int32.
        B: (..., N, K), of the same dtype. Leading dimensions broadcast.
        hermitian: as for :func:`ldl_factor`.

    There is no derivative (as in PyTorch).

    Raises:
        ShapeError: the matrices are not square, or the sizes do not fit.
        DtypeError: the dtypes differ, or are neither floating nor complex; the pivots are not int32.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.ldl_solve(*torch.linalg.ldl_factor(torch.eye(2)), torch.tensor([[2.0], [4.0]]))
    tensor([[2.],
            [4.]])
    """
    name = "linalg.ldl_solve"
    factors, B = of_one_dtype(name, square_matrices(name, LD, "LD"), matrices(name, B, "B"))
    B = with_columns(name, factors, B, True, vectors=False)
    if pivots.array.dtype != "int32":
        raise DtypeError(f"{name}: expected pivots of torch.int32, found {pivots.dtype}; use ldl_factor's")
    if pivots.array.shape != factors.array.shape[:-1]:
        raise ShapeError(
            f"{name}: expected pivots of shape {factors.array.shape[:-1]}, found {pivots.array.shape}; use "
            "ldl_factor's"
        )
    return _solve(B, factors, pivots, hermitian=_is_hermitian(factors, hermitian))


__all__ = ["ldl_factor", "ldl_factor_ex", "ldl_solve"]

complete_late(__name__)
