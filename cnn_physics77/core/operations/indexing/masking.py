"""Boolean masks: masked_fill, masked_select, masked_scatter, and the indices of nonzero elements."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels import selection
from cnn_physics77.core.operations.base.broadcasting import common_shape, expand_to
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.indexing.getitem import pick
from cnn_physics77.core.operations.indexing.index_put import _index_put, scalar_like
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.operations.pointwise.where_clamp import keep_where
from cnn_physics77.core.tensor import Tensor, from_array, method


@operation
def _masked_fill(x, mask, value):
    """y = value where the mask is True, x elsewhere. All have one shape, or the value is 0-d."""
    return selection.where(mask, value, x)


@_masked_fill.derivative("x")
def _(g, mask):
    return keep_where(~mask.array, g)


@_masked_fill.derivative("value")
def _(g, mask):
    return keep_where(mask.array, g)


def check_mask(function: str, mask) -> Tensor:
    """Raise a DtypeError unless this is a boolean tensor."""
    if not isinstance(mask, Tensor) or mask.array.dtype.kind != "b":
        found = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise DtypeError(
            f"{function}: expected a boolean mask, found {found}; compare, e.g. x > 0, or use .bool()"
        )
    return mask


@method("masked_fill")
def masked_fill(input: Tensor, mask: Tensor, value) -> Tensor:
    """The input, with ``value`` where the mask is True; the gradient of the input is 0 there.

    Args:
        mask: boolean; broadcasts with the input.
        value: a number or a 0-d tensor.

    Raises:
        DtypeError: the mask is not boolean, or the value is complex and the input is not.
        ShapeError: the shapes do not broadcast, or the value has dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.masked_fill(torch.tensor([1.0, 2.0]), torch.tensor([False, True]), -1)
    tensor([ 1., -1.])
    """
    check_mask("masked_fill", mask)
    value = scalar_like("masked_fill", input, value)
    shape = common_shape("masked_fill", input.shape, mask.shape)
    if value.edge is not None:
        value = expand_to(value, shape)
    return _masked_fill(expand_to(input, shape), mask, value)


@method("masked_select")
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is True, in row-major order, as a 1-D tensor. Input and mask broadcast.

    Raises:
        DtypeError: the mask is not boolean.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.masked_select(torch.tensor([1.0, 2.0]), torch.tensor([[True, False], [True, True]]))
    tensor([1., 1., 2.])
    """
    check_mask("masked_select", mask)
    shape: tuple[int, ...] = common_shape("masked_select", input.shape, mask.shape)
    if not shape:
        input, mask, shape = reshape(input, (1,)), reshape(mask, (1,)), (1,)
    return pick(expand_to(input, shape), (expand_to(mask, shape),))


@method("masked_scatter")
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """The input, with successive elements of ``source`` where the mask is True.

    Raises:
        DtypeError: the mask is not boolean, or the source has another dtype.
        ShapeError: the shapes do not broadcast, or the source has too few elements.

    >>> import cnn_physics77 as torch
    >>> torch.masked_scatter(torch.zeros(3), torch.tensor([True, False, True]), torch.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    shape = common_shape("masked_scatter", input.shape, check_mask("masked_scatter", mask).shape)
    if source.array.dtype != input.array.dtype:
        raise DtypeError(
            f"masked_scatter: expected self and source to have same dtypes but got {input.dtype} and "
            f"{source.dtype}"
        )
    input, mask = expand_to(input, shape or (1,)), expand_to(mask, shape or (1,))
    count = int(np.count_nonzero(mask.array))
    if source.array.size < count:
        raise ShapeError(
            f"masked_scatter: expected number of elements in source ({source.numel()}) to be at least the "
            f"number of ones in mask ({count})"
        )
    return reshape(_index_put(input, reshape(source, (source.array.size,))[:count], index=(mask,)), shape)


@method("nonzero")
def nonzero(input: Tensor, *, as_tuple: bool = False):
    """The indices of all nonzero elements, in row-major order. It has no derivative.

    Args:
        as_tuple: whether to return one tensor for each dimension, a tuple that can be used as an index,
            instead of one tensor with a row for each element.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[0, 1], [2, 0]])
    >>> torch.nonzero(x), torch.nonzero(x, as_tuple=True)
    (tensor([[0, 1],
            [1, 0]]), (tensor([0, 1]), tensor([1, 0])))
    """
    array = input.array
    if as_tuple:
        return tuple(from_array(i) for i in (array.reshape(1) if array.ndim == 0 else array).nonzero())
    return from_array(np.argwhere(array))


@method("argwhere")
def argwhere(input: Tensor) -> Tensor:
    """The indices of all nonzero elements, one row for each. It has no derivative.

    >>> import cnn_physics77 as torch
    >>> torch.argwhere(torch.tensor([0, 3, 4]))
    tensor([[1],
            [2]])
    """
    return from_array(np.argwhere(input.array))


__all__ = ["argwhere", "masked_fill", "masked_scatter", "masked_select", "nonzero"]
