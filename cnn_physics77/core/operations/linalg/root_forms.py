"""Decompositions as ``torch`` itself and Tensor have them, with names or arguments that are older than
``torch.linalg``."""

from __future__ import annotations

from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.creation.creation import zeros
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg import cholesky as _cholesky
from cnn_physics77.core.operations.linalg import determinant as _determinant
from cnn_physics77.core.operations.linalg import inverse as _inverse
from cnn_physics77.core.operations.linalg import least_squares as _least_squares
from cnn_physics77.core.operations.linalg import lu as _lu
from cnn_physics77.core.operations.linalg import matrix_functions as _matrix_functions
from cnn_physics77.core.operations.linalg import matrix_norms as _norms
from cnn_physics77.core.operations.linalg import qr as _qr
from cnn_physics77.core.operations.linalg import svd as _svd
from cnn_physics77.core.operations.linalg import triangular as _triangular
from cnn_physics77.core.operations.linalg.inputs import matrices
from cnn_physics77.core.operations.reduction.var_std_norm import vector_norm
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
def slogdet(input: Tensor) -> return_types.slogdet:
    """:func:`torch.linalg.slogdet <cnn_physics77.core.operations.linalg.determinant.slogdet>`.

    >>> import cnn_physics77 as torch
    >>> torch.slogdet(torch.tensor([[-1.0]]))
    torch.return_types.slogdet(
    sign=tensor(-1.),
    logabsdet=tensor(0.))
    """
    return return_types.slogdet(*_determinant.slogdet(input))


@method("matrix_exp")
def matrix_exp(input: Tensor) -> Tensor:
    """:func:`torch.linalg.matrix_exp <cnn_physics77.core.operations.linalg.matrix_functions.matrix_exp>`.

    >>> import cnn_physics77 as torch
    >>> torch.matrix_exp(torch.zeros(1, 1))
    tensor([[1.]])
    """
    return _matrix_functions.matrix_exp(input)


@method("cholesky")
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """:func:`torch.linalg.cholesky <cnn_physics77.core.operations.linalg.cholesky.cholesky>`.

    >>> import cnn_physics77 as torch
    >>> torch.cholesky(torch.tensor([[4.0]]))
    tensor([[2.]])
    """
    return _cholesky.cholesky(input, upper=upper)


@method("svd")
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> return_types.svd:
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
        return return_types.svd(U, S, Vh.mH)
    *batch, m, n = A.shape
    U, V = (zeros((*batch, size, size), dtype=A.dtype) for size in (m, n))
    return return_types.svd(U, _svd.svdvals(A), V)


@method("qr")
def qr(input: Tensor, some: bool = True) -> return_types.qr:
    """:func:`torch.linalg.qr <cnn_physics77.core.operations.linalg.qr.qr>` with mode "reduced" if ``some``,
    else "complete".

    >>> import cnn_physics77 as torch
    >>> torch.qr(torch.ones(3, 2), some=False).Q.shape
    torch.Size([3, 3])
    """
    return return_types.qr(*_qr.qr(input, "reduced" if some else "complete"))


@method("pinverse")
def pinverse(input: Tensor, rcond=1e-15) -> Tensor:
    """:func:`torch.linalg.pinv <cnn_physics77.core.operations.linalg.least_squares.pinv>`.

    >>> import cnn_physics77 as torch
    >>> torch.pinverse(torch.tensor([[4.0, 0.0]]))
    tensor([[0.2500],
            [0.0000]])
    """
    return _least_squares.pinv(input, rcond)


@method("lu")
def lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    """:func:`torch.linalg.lu_factor <cnn_physics77.core.operations.linalg.lu.lu_factor>`: the tuple (LU,
    pivots), or (LU, pivots, info) if ``get_infos``, for which a singular matrix is no error.

    >>> import cnn_physics77 as torch
    >>> torch.lu(torch.tensor([[4.0]]))
    (tensor([[4.]]), tensor([1], dtype=torch.int32))
    """
    result = _lu.lu_factor_ex(A, pivot=pivot, check_errors=not get_infos)
    return tuple(result) if get_infos else tuple(result[:2])


@method("lu_solve")
def lu_solve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """:func:`torch.linalg.lu_solve <cnn_physics77.core.operations.linalg.lu.lu_solve>`, with B as the first
    argument.

    >>> import cnn_physics77 as torch
    >>> torch.lu_solve(torch.tensor([[8.0]]), *torch.linalg.lu_factor(torch.tensor([[4.0]])))
    tensor([[2.]])
    """
    return _lu.lu_solve(LU_data, LU_pivots, input)


@method("triangular_solve")
def triangular_solve(
    input: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> return_types.triangular_solve:
    """:func:`torch.linalg.solve_triangular <.triangular.solve_triangular>`: a named tuple (solution,
    cloned_coefficient), with B as the first argument.

    Args:
        input: B, (..., N, K).
        A: (..., N, N).
        upper, unitriangular: as there.
        transpose: whether to solve with the transpose of A.

    >>> import cnn_physics77 as torch
    >>> torch.triangular_solve(torch.tensor([[8.0]]), torch.tensor([[4.0]])).solution
    tensor([[2.]])
    """
    X = _triangular.solve_triangular(
        A.mT if transpose else A, input, upper=upper != transpose, unitriangular=unitriangular
    )
    return return_types.triangular_solve(X, A.clone())


def nuclear_norm(input: Tensor, dim=None, keepdim: bool = False) -> Tensor:
    """The sum of the singular values of matrices: :func:`.matrix_norms.matrix_norm` with order "nuc". ``dim``
    None takes the only two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.nuclear_norm(torch.tensor([[3.0, 0.0], [0.0, -4.0]]))
    tensor(7.)
    """
    return _norms.norm(input, "nuc", dim, keepdim)


def frobenius_norm(input: Tensor, dim=(), keepdim: bool = False) -> Tensor:
    """The root of the sum of |x|² over one or two dimensions, or over all: see
    :func:`torch.linalg.vector_norm <cnn_physics77.core.operations.reduction.var_std_norm.vector_norm>`.

    >>> import cnn_physics77 as torch
    >>> torch.frobenius_norm(torch.tensor([[3.0, 0.0], [0.0, -4.0]]), dim=(0, 1))
    tensor(5.)
    """
    return vector_norm(input, 2, dim, keepdim)


__all__ = [
    "cholesky",
    "det",
    "frobenius_norm",
    "inverse",
    "lu",
    "lu_solve",
    "matrix_exp",
    "nuclear_norm",
    "pinverse",
    "qr",
    "slogdet",
    "svd",
    "triangular_solve",
]

complete_late(__name__)
