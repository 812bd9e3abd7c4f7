"""Norms and condition numbers of matrices."""

from __future__ import annotations

from math import inf

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.dimensions import dimensions
from cnn_physics77.core.operations.base.keywords import completed
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.creation.creation import zeros
from cnn_physics77.core.operations.indexing.permute import movedim
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.inputs import matrices, square_matrices
from cnn_physics77.core.operations.linalg.inverse import inverse_and_info
from cnn_physics77.core.operations.linalg.svd import svdvals
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.operations.reduction.max_min import amax, amin
from cnn_physics77.core.operations.reduction.sum_mean import floating_input, sum
from cnn_physics77.core.operations.reduction.var_std_norm import vector_norm
from cnn_physics77.core.tensor import Tensor, from_array

_ORDERS = {"fro": "fro", "nuc": "nuc", inf: inf, -inf: -inf, 1: 1, -1: -1, 2: 2, -2: -2}


def matrix_norm(input: Tensor, ord="fro", dim=(-2, -1), keepdim: bool = False, *, dtype=None) -> Tensor:
    """The norm of the matrices in two dimensions.

    Args:
        input: A, (..., M, N), floating or complex.
        ord: with the singular values s: "fro", the root of the sum of |a|², by default; "nuc", the sum of s;
            2 and -2, the largest and the smallest s; 1 and -1, the largest and the smallest sum of |a| in a
            column; ``inf`` and ``-inf``, in a row.
        dim: the dimensions of rows and columns.
        keepdim: whether to keep these with size 1.
        dtype: the dtype to convert to first.

    Returns:
        Real. The gradient is shared evenly where several sums or singular values are the largest.

    Raises:
        ShapeError: there are no two such dimensions.
        ArgumentError: ``ord`` is something else.
        DtypeError: the input is neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> A = torch.tensor([[3.0, 0.0], [0.0, -4.0]])
    >>> torch.linalg.matrix_norm(A), torch.linalg.matrix_norm(A, ord="nuc"), torch.linalg.matrix_norm(A, 1)
    (tensor(5.), tensor(7.), tensor(4.))
    """
    name = "linalg.matrix_norm"
    A = floating_input(name, input, dtype)
    if A.array.ndim < 2:
        raise ShapeError(f"{name}: expected at least 2 dimensions, found shape {A.array.shape}; unsqueeze it")
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise ShapeError(f"{name}: expected dim to be a tuple of two dimensions, found {dim!r}")
    try:
        order = _ORDERS[ord]
    except (KeyError, TypeError):
        raise ArgumentError(
            f"{name}: expected ord to be 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2, found {ord!r}"
        ) from None
    rows, columns = dimensions(name, tuple(dim), A.array.ndim)
    if order in (1, 2, inf) and 0 in (A.array.shape[rows], A.array.shape[columns]):
        return sum(abs(A), (rows, columns), keepdim)  # the largest of no numbers is 0
    if order == "fro":
        return vector_norm(A, 2, (rows, columns), keepdim)
    if order in ("nuc", 2, -2):
        values = svdvals(movedim(matrices(name, A), (rows, columns), (-2, -1)))
        reduced = values.sum(-1) if order == "nuc" else (amax if order == 2 else amin)(values, -1)
        return _restored(reduced, rows, columns) if keepdim else reduced
    summed, compared = (rows, columns) if order in (1, -1) else (columns, rows)
    return _extreme_sum(A, amax if order in (1, inf) else amin, summed, compared, keepdim)


def _extreme_sum(A: Tensor, extreme, summed: int, compared: int, keepdim: bool) -> Tensor:
    sums = extreme(sum(abs(A), summed, True), compared, True)
    return sums if keepdim else sums.squeeze((summed, compared))


def _restored(x: Tensor, rows: int, columns: int) -> Tensor:
    """x with the two dimensions again, of size 1."""
    first, second = sorted((rows, columns))
    return x.unsqueeze(first).unsqueeze(second)


@completed  # torch.norm takes no such out, this one does
def norm(input: Tensor, ord=None, dim=None, keepdim: bool = False, *, dtype=None) -> Tensor:
    """A norm of vectors or of matrices.

    Args:
        input: floating or complex, of any shape.
        ord: that of :func:`.var_std_norm.vector_norm` or of :func:`matrix_norm`. None is the 2-norm of all
            elements.
        dim: one dimension for a norm of vectors, two for one of matrices. None means all: a vector or a
            matrix if ``ord`` is given, any number of dimensions otherwise.
        keepdim: whether to keep the reduced dimensions with size 1.
        dtype: the dtype to convert to first.

    Raises:
        ShapeError: the dimensions do not exist, or are not one or two.
        ArgumentError: there is no such ``ord``.
        DtypeError: the input is neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.norm(torch.tensor([[3.0, 0.0], [0.0, -4.0]]))
    tensor(5.)
    """
    A = as_tensor_input("linalg.norm", input)
    if isinstance(dim, int):
        dim = (dim,)
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    count = A.array.ndim if dim is None else len(dim)
    if count not in (1, 2):
        raise ShapeError(
            f"linalg.norm: expected one or two dimensions for ord={ord!r}, found {count}; choose them by dim="
        )
    if count == 2:
        return matrix_norm(A, ord, (0, 1) if dim is None else tuple(dim), keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise ArgumentError(f"linalg.norm: expected ord to be a number for vectors, found {ord!r}")
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


def cond(input: Tensor, p=None) -> Tensor:
    r"""The condition number of matrices: how much a relative error of b may grow in the solution of Ax = b.

    .. math:: \kappa = \|A\|_p \|A^{-1}\|_p

    Args:
        input: A, (..., M, N), floating or complex; square unless p is None, 2 or -2.
        p: the norm, as ``ord`` of :func:`matrix_norm`. None and 2 give the largest singular value divided by
            the smallest one; -2 the inverse.

    Returns:
        (...), real; infinite for a singular matrix, 0 for an empty one.

    Raises:
        ShapeError: the matrices are not square.
        ArgumentError: there is no such norm.
        DtypeError: the input is neither floating nor complex, or float16.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.cond(torch.tensor([[4.0, 0.0], [0.0, 2.0]]))
    tensor(2.)
    """
    A = matrices("linalg.cond", input)
    if p not in (None, 2, -2):
        A = square_matrices("linalg.cond", A)
    if not A.array.size:
        return zeros(A.array.shape[:-2], dtype=A.array.real.dtype)
    if p in (None, 2, -2):
        values = svdvals(A)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    inverse, info = inverse_and_info(A)
    product = matrix_norm(A, p) * matrix_norm(_finite(inverse, info), p)
    return where(from_array(info.array != 0), inf, product) if info.array.any() else product


def _finite(inverse: Tensor, info: Tensor) -> Tensor:
    """Zeros in place of the inverses of singular matrices."""
    failed = (info.array != 0)[..., None, None]
    return where(from_array(as_array(failed)), 0, inverse) if info.array.any() else inverse


__all__ = ["cond", "matrix_norm", "norm"]

complete_late(__name__)
