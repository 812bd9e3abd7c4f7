"""Diagonals and triangles of matrices."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import as_tensor_input, operation
from cnn_physics77.core.operations.base.views import view_operation
from cnn_physics77.core.operations.indexing.clone import clone
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.operations.reduction.sum_mean import sum
from cnn_physics77.core.tensor import Tensor, method

# --------------------------------------------------------------------------------------------- diagonals


@view_operation(name="diagonal")
def _diagonal(x, *, offset, dim1, dim2):
    """y_(..., k) = x at k and k + offset along dim1 and dim2: a writable view, unlike np.diagonal."""
    first, second = x.shape[dim1], x.shape[dim2]
    rows = slice(max(0, -offset), max(0, -offset, min(first, second - offset)))
    start = [slice(None)] * x.ndim
    start[dim1] = rows
    start[dim2] = slice(max(0, offset), None)
    part = x[tuple(start)]
    others = [i for i in range(x.ndim) if i not in (dim1, dim2)]
    shape = (*(x.shape[i] for i in others), part.shape[dim1])
    strides = (*(x.strides[i] for i in others), x.strides[dim1] + x.strides[dim2])
    return np.lib.stride_tricks.as_strided(part, shape, strides, subok=True, writeable=x.flags.writeable)


@_diagonal.derivative("x")
def _(g, x_shape, offset, dim1, dim2):
    return _put_diagonal(g, offset=offset, dim1=dim1, dim2=dim2, shape=x_shape)


@operation(name="put_diagonal")
def _put_diagonal(g, *, offset, dim1, dim2, shape):
    """Zeros of the shape, with g on the diagonal."""
    x = np.zeros(shape, g.dtype, like=g)
    _diagonal.forward(x, offset=offset, dim1=dim1, dim2=dim2)[...] = g
    return x


@_put_diagonal.derivative("g")
def _(v, offset, dim1, dim2):
    return _diagonal(v, offset=offset, dim1=dim1, dim2=dim2)


def _two_dimensions(function: str, dim1: int, dim2: int, ndim: int) -> tuple[int, int]:
    if ndim < 2:
        raise ShapeError(f"{function}: expected at least 2 dimensions, found {ndim}")
    first, second = dimension(function, dim1, ndim), dimension(function, dim2, ndim)
    if first == second:
        raise ShapeError(f"{function}: diagonal dimensions cannot be identical, found {dim1} and {dim2}")
    return first, second


@method("diagonal")
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonals of the matrices in two dimensions, as a new last dimension: a view.

    Args:
        offset: the distance above the main diagonal; negative below it.
        dim1, dim2: the dimensions of rows and columns.

    Raises:
        ShapeError: the dimensions do not exist, or are equal.

    >>> import cnn_physics77 as torch
    >>> torch.diagonal(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    input = as_tensor_input("diagonal", input)
    dim1, dim2 = _two_dimensions("diagonal", dim1, dim2, input.array.ndim)
    return _diagonal(input, offset=offset, dim1=dim1, dim2=dim2)


@method("diag_embed")
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Diagonal matrices, with the last dimension of the input on the diagonal: the adjoint of
    :func:`diagonal`.

    Args:
        offset: the distance above the main diagonal; negative below it.
        dim1, dim2: the dimensions of rows and columns in the result.

    Raises:
        ShapeError: the dimensions do not exist, or are equal, or the input is 0-d.

    >>> import cnn_physics77 as torch
    >>> torch.diag_embed(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    input = as_tensor_input("diag_embed", input)
    shape = input.array.shape
    if not shape:
        raise ShapeError("diag_embed: expected at least 1 dimension, found a 0-d tensor")
    dim1, dim2 = _two_dimensions("diag_embed", dim1, dim2, len(shape) + 1)
    size = shape[-1] + abs(offset)
    whole = list(shape[:-1])
    for dim in sorted((dim1, dim2)):
        whole.insert(dim, size)
    return _put_diagonal(input, offset=offset, dim1=dim1, dim2=dim2, shape=tuple(whole))


@method("diag")
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """For a vector, the matrix with it on the diagonal; for a matrix, its diagonal. Both are copies, unlike
    :func:`diagonal`, which is a view.

    Raises:
        ShapeError: the input is neither a vector nor a matrix.

    >>> import cnn_physics77 as torch
    >>> torch.diag(torch.tensor([1, 2])), torch.diag(torch.tensor([[1, 2], [3, 4]]))
    (tensor([[1, 0],
            [0, 2]]), tensor([1, 4]))
    """
    input = as_tensor_input("diag", input)
    if input.array.ndim == 1:
        return diag_embed(input, diagonal)
    if input.array.ndim == 2:
        return clone(_diagonal(input, offset=diagonal, dim1=0, dim2=1))
    raise ShapeError(
        f"diag: expected a vector or a matrix, found shape {input.array.shape}; use diagonal or diag_embed"
    )


@method("diagflat")
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with the elements of the flattened input on a diagonal.

    >>> import cnn_physics77 as torch
    >>> torch.diagflat(torch.tensor([[1], [2]]), 1)
    tensor([[0, 1, 0],
            [0, 0, 2],
            [0, 0, 0]])
    """
    input = as_tensor_input("diagflat", input)
    return diag_embed(reshape(input, (input.array.size,)), offset)


@method("trace")
def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix: y = Σ x_kk.

    Raises:
        ShapeError: the input is not a matrix.

    >>> import cnn_physics77 as torch
    >>> torch.trace(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    input = as_tensor_input("trace", input)
    if input.array.ndim != 2:
        raise ShapeError(
            f"trace: expected a matrix, found shape {input.array.shape}; use diagonal(...).sum(-1) for a "
            "batch"
        )
    return sum(_diagonal(input, offset=0, dim1=0, dim2=1))


# --------------------------------------------------------------------------------------------- triangles


@operation(name="tril")
def _tril(x, *, diagonal):
    return np.tril(x, diagonal)


@operation(name="triu")
def _triu(x, *, diagonal):
    return np.triu(x, diagonal)


_tril.declare("x", lambda g, diagonal: _tril(g, diagonal=diagonal))
_triu.declare("x", lambda g, diagonal: _triu(g, diagonal=diagonal))


def _matrices(function: str, input) -> Tensor:
    input = as_tensor_input(function, input)
    if input.array.ndim < 2:
        raise ShapeError(f"{function}: expected at least 2 dimensions, found shape {input.array.shape}")
    return input


@method("tril")
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangles of matrices (..., M, N), including the diagonal; zeros elsewhere.

    Raises:
        ShapeError: there are fewer than two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.tril(torch.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return _tril(_matrices("tril", input), diagonal=diagonal)


@method("triu")
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangles of matrices (..., M, N), including the diagonal; zeros elsewhere.

    Raises:
        ShapeError: there are fewer than two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.triu(torch.ones(2, 2))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return _triu(_matrices("triu", input), diagonal=diagonal)


__all__ = ["diag", "diag_embed", "diagflat", "diagonal", "trace", "tril", "triu"]
