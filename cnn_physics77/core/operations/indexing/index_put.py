"""Elements at lists of indices: index_select, index_add, index_copy, index_fill, take, put, index_put.

The derivative of *index_select* and *take* adds the gradient at the same indices. *index_put* passes the
gradient to the values at the indices, and to the input elsewhere.
"""

from __future__ import annotations

from math import prod

import numpy as np

from cnn_physics77.core.backend.conversion import fitted
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels import rows
from cnn_physics77.core.kernels.scatter import add_at
from cnn_physics77.core.operations.base.broadcasting import cast, expand_to, expands_to
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.indexing.gather_scatter import check_index, check_range
from cnn_physics77.core.operations.indexing.getitem import _check_bounds, _put_add, pick
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.tensor import Tensor, from_array, method


@operation
def _index_add(x, source, index, *, dim):
    """y = x, plus the slices of source along dim, added at the index."""
    if dim == 0 and x.ndim > 1:
        return rows.add_rows(x, index, source)
    out = x.copy()
    add_at(out, (slice(None),) * dim + (index,), source)
    return out


@_index_add.derivative("x")
def _(g):
    return g


@_index_add.derivative("source")
def _(g, index, dim):
    return pick(g, (None,) * dim + (index,))


@operation
def _index_put(x, values, *, index):
    """y = x, with the values at the index (the second part that getitem.parse returns)."""
    out = x.copy(order="K")
    out[tuple(slice(None) if part is None else part.array for part in index)] = values
    return out


@_index_put.derivative("x")
def _(g, index):
    return _index_put(g, from_array(np.zeros((), g.array.dtype)), index=index)


@_index_put.derivative("values")
def _(g, index):
    return pick(g, index)


# ------------------------------------------------------------------------------- slices by a list of indices


def _list_of_indices(
    function: str, input: Tensor, dim: int, index, negative: bool = False
) -> tuple[Tensor, int, Tensor]:
    check_index(function, index)
    if index.array.ndim > 1:
        raise ShapeError(
            f"{function}: Index is supposed to be a vector (1-D tensor), found shape {index.array.shape}"
        )
    dim = dimension(function, dim, input.array.ndim)
    x = reshape(input, (1,)) if input.array.ndim == 0 else input
    index = reshape(index, (1,)) if index.array.ndim == 0 else index
    if negative:
        _check_bounds(index.array, x.array.shape, dim)
        index = from_array(index.array % max(x.array.shape[dim], 1))
    else:
        check_range(function, index.array, x.array.shape[dim], dim)
    return x, dim, index


@method("index_select")
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices at the listed indices of a dimension.

    Args:
        index: non-negative integers, 1-D. Repeated indices are allowed, and their gradients are summed.

    Raises:
        ShapeError: no such dimension, an index out of bounds, or not 1-D.
        DtypeError: the index is not of integers.

    >>> import cnn_physics77 as torch
    >>> torch.index_select(torch.tensor([[1, 2, 3], [4, 5, 6]]), 1, torch.tensor([2, 0, 0]))
    tensor([[3, 1, 1],
            [6, 4, 4]])
    """
    x, dim, index = _list_of_indices("index_select", input, dim, index)
    y = pick(x, (None,) * dim + (index,))
    return reshape(y, ()) if input.array.ndim == 0 else y


def _slices(function: str, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    if source.array.dtype != x.array.dtype:
        raise DtypeError(
            f"{function}: self and source expected to have the same dtype, found {x.dtype} and {source.dtype}"
        )
    if source.array.ndim == 0:
        source = reshape(source, (1,) * x.array.ndim)
    expected = (*x.shape[:dim], index.array.size, *x.shape[dim + 1 :])
    if source.array.shape != expected:
        raise ShapeError(
            f"{function}: Source/destination tensor must have same slice shapes, and one slice for each "
            f"index: expected source of shape {expected}, found {source.array.shape}"
        )
    return source


@method("index_add")
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha=1) -> Tensor:
    """The input plus ``alpha`` times the slices of ``source``, added at the listed indices of a dimension.

    It is the transpose of :func:`index_select`.

    Raises:
        ShapeError: the shapes do not fit, or an index out of bounds.
        DtypeError: the index is not of integers, or the source has another dtype.

    >>> import cnn_physics77 as torch
    >>> torch.index_add(torch.zeros(3), 0, torch.tensor([0, 2, 0]), torch.tensor([1.0, 2.0, 3.0]))
    tensor([4., 0., 2.])
    """
    x, dim, index = _list_of_indices("index_add", input, dim, index)
    source = _slices("index_add", x, dim, index, source)
    if alpha != 1:
        source = source * from_array(fitted("index_add", alpha, x.array.dtype))
    y = _index_add(x, source, index, dim=dim)
    return reshape(y, ()) if input.array.ndim == 0 else y


@method("index_copy")
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """The input, with the slices of ``source`` at the listed indices of a dimension.

    Raises:
        ShapeError: the shapes do not fit, or an index out of bounds.
        DtypeError: the index is not of integers, or the source has another dtype.

    >>> import cnn_physics77 as torch
    >>> torch.index_copy(torch.zeros(3), 0, torch.tensor([2, 0]), torch.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    x, dim, index = _list_of_indices("index_copy", input, dim, index)
    y = _index_put(x, _slices("index_copy", x, dim, index, source), index=(None,) * dim + (index,))
    return reshape(y, ()) if input.array.ndim == 0 else y


@method("index_fill")
@in_own_name
def index_fill(input: Tensor, dim: int, index: Tensor, value) -> Tensor:
    """The input, with a value at the listed indices of a dimension; negative ones count from the end.

    The value is a number or a 0-d tensor. Its gradient counts every element once, even if its index is listed
    several times.

    Raises:
        ShapeError: no such dimension, an index out of bounds, or a value with dimensions.
        DtypeError: the index is not of integers.

    >>> import cnn_physics77 as torch
    >>> torch.index_fill(torch.zeros(3), 0, torch.tensor([2, 0]), 1)
    tensor([1., 0., 1.])
    """
    x, dim, index = _list_of_indices("index_fill", input, dim, index, negative=True)
    value = scalar_like("index_fill", x, value)
    if value.edge is not None or not isinstance(value.array, np.ndarray):
        index = from_array(np.unique(index.array))
    shape = (*x.shape[:dim], index.array.size, *x.shape[dim + 1 :])
    y = _index_put(x, expand_to(value, shape), index=(None,) * dim + (index,))
    return reshape(y, ()) if input.array.ndim == 0 else y


def scalar_like(function: str, x: Tensor, value) -> Tensor:
    """A number or 0-d tensor as a 0-d tensor of x's dtype.

    Raises:
        ShapeError: a tensor with dimensions.
        DtypeError: a number of a higher kind than x's.
        RangeError: a number outside of the range of x's dtype.
    """
    if not isinstance(value, Tensor):
        value = from_array(fitted(function, value, x.array.dtype))
    elif value.array.ndim:
        raise ShapeError(
            f"{function}: only supports a 0-dimensional value tensor, but got tensor with {value.array.ndim} "
            "dimension(s)."
        )
    if value.array.dtype.kind == "c" and x.array.dtype.kind != "c":
        raise DtypeError(f"{function}: value cannot be converted to type {x.dtype}, found a complex one")
    return value if value.array.dtype == x.array.dtype else cast(value, dtype=x.array.dtype)


# --------------------------------------------------------------------------------------------- any places


@method("take")
@in_own_name
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements of the flattened input at the index, in the shape of the index.

    Args:
        index: integers; negative ones count from the end.

    Raises:
        ShapeError: an index out of bounds.
        DtypeError: the index is not of integers.

    >>> import cnn_physics77 as torch
    >>> torch.take(torch.tensor([[4, 3], [5, 6]]), torch.tensor([0, -1]))
    tensor([4, 6])
    """
    check_index("take", index)
    _check_bounds(index.array, (input.array.size,), 0)
    return pick(reshape(input, (input.array.size,)), (index,))


@method("put")
@in_own_name
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """The input, with the elements of ``source`` at the given indices of the flattened input.

    Args:
        index: integers; negative ones count from the end.
        source: a tensor of the input's dtype, with as many elements as the index.
        accumulate: whether to add to the elements instead of replacing them.

    Raises:
        ShapeError: an index out of bounds, or unequal numbers of indices and elements.
        DtypeError: the index is not of integers, or the source has another dtype.

    >>> import cnn_physics77 as torch
    >>> torch.put(torch.zeros(2, 2), torch.tensor([0, 3]), torch.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    check_index("put", index)
    _check_bounds(index.array, (input.array.size,), 0)
    if source.array.dtype != input.array.dtype:
        raise DtypeError(
            f"put: self and source expected to have the same dtype, found {input.dtype} and {source.dtype}"
        )
    if source.array.size != index.array.size:
        raise ShapeError(
            f"put: src should have the same number of elements as index, found {source.numel()} and "
            f"{index.numel()}"
        )
    flat, values, index = (reshape(t, (t.array.size,)) for t in (input, source, index))
    if accumulate:
        y = _index_add(flat, values, from_array(index.array % max(flat.array.size, 1)), dim=0)
    else:
        y = _index_put(flat, values, index=(index,))
    return reshape(y, input.shape)


@method("index_put")
def index_put(input: Tensor, indices, values: Tensor, accumulate: bool = False) -> Tensor:
    """The input, with ``values`` at ``input[indices]``.

    Args:
        indices: a tuple of integer or boolean tensors (None for all of a dimension), which broadcast.
        values: of the input's dtype, broadcast to the shape of ``input[indices]``.
        accumulate: whether to add to the elements, once for each time that an index occurs.

    Raises:
        ShapeError: indices out of bounds, or indices or values that do not broadcast.
        DtypeError: the values have another dtype.

    >>> import cnn_physics77 as torch
    >>> torch.index_put(torch.zeros(3), (torch.tensor([0, 0]),), torch.tensor([1.0, 2.0]), accumulate=True)
    tensor([3., 0., 0.])
    """
    dim = 0
    for part in indices:
        if part is None:
            dim += 1
            continue
        _check_bounds(part.array, input.array.shape, dim)
        dim += part.array.ndim if part.array.dtype.kind == "b" else 1
    if dim > input.array.ndim:
        raise ShapeError(
            f"index_put: too many indices for tensor of dimension {input.array.ndim}, found {dim}"
        )
    return put_at("index_put", input, tuple(indices), values, accumulate)


def put_at(function: str, input: Tensor, index: tuple, values: Tensor, accumulate: bool = False) -> Tensor:
    """See :func:`index_put`. The index is the second part that :func:`.indexing.getitem.parse` returns."""
    if values.array.dtype != input.array.dtype:
        raise DtypeError(
            f"{function}: Index put requires the source and destination dtypes match, got {input.dtype} for "
            f"the destination and {values.dtype} for the source."
        )
    shape = picked_shape(input.array.shape, index)
    extra = values.array.ndim - len(shape)
    if extra > 0 and prod(values.shape[:extra]) == 1:
        values = reshape(values, values.shape[extra:])
    if not expands_to(values.array.shape, tuple(shape)):
        raise ShapeError(
            f"{function}: shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to "
            f"indexing result of shape {list(shape)}"
        )
    values = expand_to(values, shape)
    if accumulate:
        return input + _put_add(values, index=index, shape=input.array.shape)
    return _index_put(input, values, index=index)


def picked_shape(shape: tuple[int, ...], index: tuple) -> tuple[int, ...]:
    """The shape of x[index]."""
    first = next(part.array for part in index if part is not None)
    nothing = np.broadcast_to(np.zeros((), bool, like=first), shape, subok=True)  # no memory
    try:
        return nothing[tuple(slice(None) if part is None else part.array for part in index)].shape
    except IndexError:
        shapes = [part.shape for part in index if part is not None]
        raise ShapeError(
            f"index: shape mismatch: indexing tensors could not be broadcast together, found {shapes}"
        ) from None


__all__ = ["index_add", "index_copy", "index_fill", "index_put", "index_select", "put", "take"]
