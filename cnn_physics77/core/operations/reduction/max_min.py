"""Maxima and minima over dimensions, and their indices.

There are two conventions for gradients, both PyTorch's. Functions that return indices send the gradient to
the elements at these indices. Functions that return values only (``amax``, ``amin``, and ``max``, ``min``,
``median`` of a whole tensor) share it evenly among equal elements. If there is a NaN, the result is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.dimensions import dimension, dimensions
from cnn_physics77.core.operations.base.names import named
from cnn_physics77.core.operations.base.operation import as_tensor_input, check_tensors_given, operation
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.clone import clone
from cnn_physics77.core.operations.indexing.gather_scatter import gather_along
from cnn_physics77.core.operations.pointwise.where_clamp import maximum, minimum
from cnn_physics77.core.operations.reduction.sum_mean import expand_reduced
from cnn_physics77.core.tensor import Tensor, from_array, method

Kind = TypeVar("Kind")

# ------------------------------------------------------------------------------------ elements by their index


def take_along(
    kind: Callable[..., Kind], input: Tensor, indices: np.ndarray, dim: int, squeeze: bool
) -> Kind:
    """The elements of ``input`` at ``indices`` along ``dim``, and the indices, as a ``kind``. If ``squeeze``,
    the indices have size 1 in ``dim``, which is removed from the result."""
    positions = from_array(indices)
    if input.array.ndim == 0:
        return kind(clone(input), positions)
    values = gather_along(input, positions, dim=dim, squeeze=squeeze)
    return kind(values, positions.view_of_memory(indices.squeeze(dim)) if squeeze else positions)


def real_input(function: str, input) -> Tensor:
    """The argument as a tensor of real numbers."""
    input = as_tensor_input(function, input)
    if input.array.dtype.kind == "c":
        raise DtypeError(
            f"{function}: expected real numbers, found complex ones, which have no order; use .abs() first"
        )
    return input


def nonempty_dimension(function: str, dim, array: np.ndarray) -> int:
    """``dim`` counted from 0. It must not have size 0."""
    axis = dimension(function, dim, array.ndim)
    if array.ndim and array.shape[axis] == 0:
        raise ShapeError(
            f"{function}: Expected reduction dim {axis} to have non-zero size, found shape {array.shape}"
        )
    return axis


def _nonempty(function: str, array: np.ndarray, axes: tuple[int, ...]) -> None:
    if array.size == 0:
        for axis in axes:
            if array.shape[axis] == 0:
                raise ShapeError(
                    f"{function}: Expected reduction dim {axis} to have non-zero size, found shape "
                    f"{array.shape}; reduce over the other dimensions, with dim"
                )


# -------------------------------------------------------------------------------------- indices of extremes


def _index_of_extreme(function: str, find, input, dim, keepdim: bool) -> Tensor:
    array = real_input(function, input).array
    if array.dtype.kind == "b":
        raise DtypeError(f"{function}: expected numbers, found booleans; convert with .int()")
    if dim is None:
        _nonempty(function, array, tuple(range(array.ndim)))
        index = as_array(find(array))
        return from_array(index.reshape((1,) * array.ndim) if keepdim else index)
    axis = nonempty_dimension(function, dim, array)
    if array.ndim == 0:
        return from_array(np.zeros((), np.int64))
    return from_array(as_array(find(array, axis=axis, keepdims=keepdim)))


@method("argmax")
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index (int64) of the largest element along ``dim``, or in the flattened tensor. Of equal elements
    it is the first.

    Raises:
        ShapeError: there is no such dimension, or it is empty.
        DtypeError: the input is complex or boolean.

    >>> import cnn_physics77 as torch
    >>> torch.argmax(torch.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([1, 0])
    """
    return _index_of_extreme("argmax", np.argmax, input, dim, keepdim)


@method("argmin")
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index (int64) of the smallest element along ``dim``, or in the flattened tensor. Of equal elements
    it is the first.

    Raises:
        ShapeError: there is no such dimension, or it is empty.
        DtypeError: the input is complex or boolean.

    >>> import cnn_physics77 as torch
    >>> torch.argmin(torch.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([0, 1])
    """
    return _index_of_extreme("argmin", np.argmin, input, dim, keepdim)


# --------------------------------------------------------------------------------------------- extreme values


@operation(name="amax")
def _amax(x, *, dim, keepdim, nan_equal):
    return np.maximum.reduce(x, axis=dim, keepdims=keepdim)


@operation(name="amin")
def _amin(x, *, dim, keepdim, nan_equal):
    return np.minimum.reduce(x, axis=dim, keepdims=keepdim)


@_amax.derivative("x")
@_amin.derivative("x")
def _(g, x, y, dim, keepdim, nan_equal):
    return shared_evenly(g, x, y, dim, keepdim, nan_equal)


@silent
@in_float32  # the number of equal elements may exceed the range of float16
def shared_evenly(
    g: Tensor, x: Tensor, y: Tensor, dim: tuple[int, ...], keepdim: bool, nan_equal: bool
) -> Tensor:
    """g shared evenly among the elements of x that equal y.

    If y is NaN, it is shared among the NaNs if ``nan_equal``; else all elements get NaN.
    """
    found = expand_reduced(from_array(y.array), dim, keepdim, x.array.shape).array
    equal = x.array == found
    if nan_equal and x.array.dtype.kind == "f":
        equal |= np.isnan(x.array) & np.isnan(found)
    parts = equal / np.add.reduce(equal, axis=dim, keepdims=True, dtype=x.array.dtype)
    return expand_reduced(g, dim, keepdim, x.array.shape) * from_array(parts)


def _extreme_values(record, input, dim, keepdim: bool) -> Tensor:
    input = real_input(record.name, input)
    axes = dimensions(record.name, dim, input.array.ndim)
    _nonempty(record.name, input.array, axes)
    return record(input, dim=axes, keepdim=keepdim, nan_equal=False)


@method("amax")
def amax(input: Tensor, dim=(), keepdim: bool = False) -> Tensor:
    """The largest value over dimensions (an integer, several, or () for all), NaN if there is one.

    The gradient is shared evenly among equal elements.

    Raises:
        ShapeError: there is no such dimension, or it is empty.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.amax(torch.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([5., 7.])
    """
    return _extreme_values(_amax, input, dim, keepdim)


@method("amin")
def amin(input: Tensor, dim=(), keepdim: bool = False) -> Tensor:
    """The smallest value over dimensions (an integer, several, or () for all), NaN if there is one.

    The gradient is shared evenly among equal elements.

    Raises:
        ShapeError: there is no such dimension, or it is empty.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.amin(torch.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([1., 2.])
    """
    return _extreme_values(_amin, input, dim, keepdim)


@method("aminmax")
@in_own_name
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> return_types.aminmax:
    """The smallest and the largest value, along one dimension or of all elements: a named tuple (min, max).
    See :func:`amin`.

    >>> import cnn_physics77 as torch
    >>> torch.aminmax(torch.tensor([3.0, 1.0, 2.0]))
    torch.return_types.aminmax(
    min=tensor(1.),
    max=tensor(3.))
    """
    axes = () if dim is None else (dim,)
    return return_types.aminmax(amin(input, axes, keepdim), amax(input, axes, keepdim))


def _extreme(function: str, record, find, pairwise, input, dim, keepdim):
    check_tensors_given(function, input)
    if isinstance(dim, Tensor):
        return pairwise(input, dim)
    input = real_input(function, input)
    array = input.array
    if dim is None:
        _nonempty(function, array, tuple(range(array.ndim)))
        whole = record(input, dim=tuple(range(array.ndim)), keepdim=False, nan_equal=True)
        return named(whole, f"{function.capitalize()}Backward1")
    axis = nonempty_dimension(function, dim, array)
    indices = np.zeros((), np.int64) if array.ndim == 0 else find(array, axis=axis, keepdims=True)
    kind = return_types.max if function == "max" else return_types.min
    found = take_along(kind, input, indices, axis, squeeze=not keepdim)
    named(found[0], f"{function.capitalize()}Backward0")
    return found


@method("max")
def max(input: Tensor, dim=None, keepdim: bool = False, *, other: Tensor | None = None):
    """The maximum: ``max(input)`` of all elements; ``max(input, dim)`` along a dimension, as a named tuple
    (values, indices); ``max(input, other)`` of two tensors elementwise, see :func:`maximum`.

    If there is a NaN, the result is NaN. With ``dim`` the index is that of the first of equal elements, which
    gets the whole gradient. Without ``dim`` equal elements share the gradient evenly.

    Raises:
        ShapeError: there is no such dimension, or it is empty.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.max(torch.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    torch.return_types.max(
    values=tensor([5., 7.]),
    indices=tensor([1, 0]))
    """
    return _extreme("max", _amax, np.argmax, maximum, input, dim if other is None else other, keepdim)


@method("min")
def min(input: Tensor, dim=None, keepdim: bool = False, *, other: Tensor | None = None):
    """The minimum: ``min(input)`` of all elements; ``min(input, dim)`` along a dimension, as a named tuple
    (values, indices); ``min(input, other)`` of two tensors elementwise, see :func:`minimum`.

    If there is a NaN, the result is NaN. With ``dim`` the index is that of the first of equal elements, which
    gets the whole gradient. Without ``dim`` equal elements share the gradient evenly.

    Raises:
        ShapeError: there is no such dimension, or it is empty.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.min(torch.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    torch.return_types.min(
    values=tensor([1., 2.]),
    indices=tensor([0, 1]))
    """
    return _extreme("min", _amin, np.argmin, minimum, input, dim if other is None else other, keepdim)


__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]
