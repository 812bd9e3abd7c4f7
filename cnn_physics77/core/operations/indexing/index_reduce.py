"""Reductions at listed indices, indices of flattened tensors, and a fixed number of nonzero elements."""

from __future__ import annotations

import operator

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels.runtime.one_call import one_call
from cnn_physics77.core.operations.base.broadcasting import expand_to
from cnn_physics77.core.operations.indexing.gather_scatter import scatter_reduce
from cnn_physics77.core.operations.indexing.index_put import _list_of_indices, _slices
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor, from_array, method


@method("index_reduce")
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """The input, reduced with the slices of ``source`` at the listed indices of a dimension.

    Args:
        reduce: ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``: see :func:`scatter_reduce`.
        include_self: whether the input's elements at an index are included in the reduction.

    Raises:
        ShapeError: the shapes do not fit, or an index out of bounds.
        DtypeError: the index is not of integers, or the source has another dtype.
        ValueError: another reduction.

    >>> import cnn_physics77 as torch
    >>> i, s = torch.tensor([0, 0, 2]), torch.tensor([2.0, 3.0, 4.0])
    >>> torch.index_reduce(torch.ones(3), 0, i, s, "prod")
    tensor([6., 1., 4.])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise ArgumentError(
            f"index_reduce: Expected reduce to be one of prod, mean, amax or amin but got {reduce!r}"
        )
    x, dim, index = _list_of_indices("index_reduce", input, dim, index)
    source = _slices("index_reduce", x, dim, index, source)
    shape = source.array.shape
    places = expand_to(reshape(index, (-1, *(1,) * (len(shape) - dim - 1))), shape)
    y = scatter_reduce(x, dim, places, source, reduce, include_self=include_self)
    return reshape(y, ()) if input.array.ndim == 0 else y


def unravel_index(indices: Tensor, shape) -> tuple[Tensor, ...]:
    """The index in each dimension of elements of a flattened tensor.

    Args:
        indices: integers.
        shape: of the tensor, an integer or several.

    Returns:
        A tuple of tensors, one for each dimension. Indices beyond the tensor are counted modulo its size.

    Raises:
        DtypeError: the indices are not integers.
        ShapeError: a size is negative.

    >>> import cnn_physics77 as torch
    >>> torch.unravel_index(torch.tensor([5, 3]), (2, 3))
    (tensor([1, 1]), tensor([2, 0]))
    """
    if indices.array.dtype.kind not in "iu":
        raise DtypeError(f"unravel_index: expected 'indices' to be integer dtype, but got {indices.dtype}")
    sizes = (operator.index(shape),) if not isinstance(shape, (tuple, list)) else tuple(shape)
    if any(n < 0 for n in sizes):
        raise ShapeError(f"unravel_index: 'shape' cannot have negative values, but got {sizes}")
    rest, found = indices.array.astype(np.int64, copy=False), []
    for n in reversed(sizes):
        found.append(rest % n)
        rest = rest // n
    return tuple(from_array(as_array(i)) for i in reversed(found))


@method("nonzero_static")
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The indices of the first ``size`` nonzero elements, one row for each: :func:`nonzero` with a fixed
    number of rows, of which those that are left are filled with ``fill_value``.

    Raises:
        ShapeError: the size is negative.

    >>> import cnn_physics77 as torch
    >>> torch.nonzero_static(torch.tensor([0, 1, 2]), size=3)
    tensor([[ 1],
            [ 2],
            [-1]])
    """
    if size < 0:
        raise ShapeError(f"nonzero_static: 'size' must be a non-negative number, found {size}")
    return from_array(_padded_places(input.array, size, fill_value))


@one_call
def _padded_places(x: np.ndarray, size: int, fill_value: int) -> np.ndarray:
    found = np.argwhere(x)[:size]
    rows = np.full((size, x.ndim), fill_value)
    rows[: len(found)] = found
    return rows


__all__ = ["index_reduce", "nonzero_static", "unravel_index"]

complete_late(__name__)
