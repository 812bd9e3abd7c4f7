"""Orders: sorting, the largest, the k-th, the median.

NaN counts as greater than all numbers. Sorting is always stable: equal elements stay in their order.
Gradients go to the elements that were taken.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.reduction.max_min import (
    ValuesAndIndices,
    nonempty_dimension,
    real_input,
    shared_evenly,
    take_along,
)
from cnn_physics77.core.tensor import Tensor, from_array, method


def _order(array: np.ndarray, dim: int, descending: bool) -> np.ndarray:
    """The indices that sort along a dimension."""
    if array.ndim == 0:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(array, axis=dim, kind="stable")
    backwards = np.argsort(np.flip(array, dim), axis=dim, kind="stable")
    return array.shape[dim] - 1 - np.flip(backwards, dim)


@method("sort")
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesAndIndices:
    """The elements in order along a dimension, and where they stood: a named tuple (values, indices).

    Args:
        descending: the greatest first. NaN counts as greatest.
        stable: accepted for PyTorch's sake; equal elements always stay in their order.

    Raises:
        ShapeError: there is no such dimension.
        DtypeError: complex numbers.

    >>> import cnn_physics77 as torch
    >>> torch.sort(torch.tensor([3.0, 1.0, 2.0]))
    ValuesAndIndices(values=tensor([1., 2., 3.]), indices=tensor([1, 2, 0]))
    """
    input = real_input("sort", input)
    dim = dimension("sort", dim, input.array.ndim)
    return take_along(input, _order(input.array, dim, descending), dim, squeeze=False)


@method("argsort")
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that sort along a dimension: int64. See :func:`sort`.

    >>> import cnn_physics77 as torch
    >>> torch.argsort(torch.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """
    array = real_input("argsort", input).array
    return from_array(_order(array, dimension("argsort", dim, array.ndim), descending))


@method("msort")
def msort(input: Tensor) -> Tensor:
    """The elements in ascending order along the first dimension.

    >>> import cnn_physics77 as torch
    >>> torch.msort(torch.tensor([[2.0, 1.0], [0.0, 3.0]]))
    tensor([[0., 1.],
            [2., 3.]])
    """
    return sort(input, 0).values


@method("topk")
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
    """The k largest elements along a dimension, the largest first, and where they stood: a named tuple
    (values, indices).

    Args:
        k: how many.
        largest: False for the smallest, the smallest first.
        sorted: accepted for PyTorch's sake; they always are. Of equal elements the first come first.

    Raises:
        ShapeError: there is no such dimension, or fewer elements along it.
        DtypeError: complex numbers.

    >>> import cnn_physics77 as torch
    >>> torch.topk(torch.tensor([3.0, 1.0, 2.0]), 2)
    ValuesAndIndices(values=tensor([3., 2.]), indices=tensor([0, 2]))
    """
    input = real_input("topk", input)
    array = input.array
    dim = dimension("topk", dim, array.ndim)
    size = array.shape[dim] if array.ndim else 1
    if not 0 <= k <= size:
        raise ShapeError(
            f"topk: selected index k out of range: expected 0 <= k <= {size} along dim {dim}, found k = {k}"
        )
    order = _order(array, dim, largest)
    if array.ndim == 0:
        return take_along(input, order, dim, squeeze=False)
    return take_along(input, order[(slice(None),) * dim + (slice(k),)], dim, squeeze=False)


@method("kthvalue")
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """The k-th smallest element along a dimension, k from 1, and where it stands: a named tuple (values,
    indices).

    Raises:
        ShapeError: there is no such dimension, or fewer than k elements along it.
        DtypeError: complex numbers.

    >>> import cnn_physics77 as torch
    >>> torch.kthvalue(torch.tensor([3.0, 1.0, 2.0]), 2)
    ValuesAndIndices(values=tensor(2.), indices=tensor(2))
    """
    input = real_input("kthvalue", input)
    array = input.array
    dim = nonempty_dimension("kthvalue", dim, array)
    size = array.shape[dim] if array.ndim else 1
    if not 1 <= k <= size:
        raise ShapeError(
            f"kthvalue: selected number k out of range: expected 1 <= k <= {size} along dim {dim}, found k "
            f"= {k}"
        )
    order = _order(array, dim, False)
    index = order if array.ndim == 0 else np.take(order, [k - 1], axis=dim)
    return take_along(input, index, dim, squeeze=not keepdim)


# --------------------------------------------------------------------------------------------- medians


def _median_index(array: np.ndarray, dim: int, ignore_nan: bool) -> np.ndarray:
    """Where the lower median stands along a dimension, which is kept with size 1."""
    if array.ndim == 0:
        return np.zeros((), np.int64)
    order = _order(array, dim, False)
    size = array.shape[dim]
    if array.dtype.kind != "f":
        return np.take(order, [(size - 1) // 2], axis=dim)
    numbers = size - np.add.reduce(np.isnan(array), axis=dim, keepdims=True, dtype=np.int64)
    middle = np.maximum(numbers - 1, 0) // 2
    if not ignore_nan:
        middle = np.where(numbers < size, numbers, middle)  # the first NaN
    return np.take_along_axis(order, middle, dim)


@operation(name="median")
def _median(x, *, ignore_nan):
    flat = x.reshape(-1)
    if not flat.size:
        return np.full((), np.nan, x.dtype)
    return flat[_median_index(flat, 0, ignore_nan)[0]]


_median.declare("x", lambda g, x, y: shared_evenly(g, x, y, tuple(range(x.array.ndim)), False, True))


def _middle(function: str, ignore_nan: bool, input, dim, keepdim: bool):
    input = real_input(function, input)
    if dim is None:
        if not input.array.size and input.array.dtype.kind != "f":
            raise ShapeError(f"{function}: expected at least one element, found shape {input.shape}")
        return _median(input, ignore_nan=ignore_nan)
    axis = nonempty_dimension(function, dim, input.array)
    return take_along(input, _median_index(input.array, axis, ignore_nan), axis, squeeze=not keepdim)


@method("median")
def median(input: Tensor, dim: int | None = None, keepdim: bool = False):
    """The median: of all elements; or along a dimension, as a named tuple (values, indices). Of an even
    number, the lower of the two in the middle.

    NaN is the result where there is one; the median of nothing is NaN. Without ``dim`` the gradient is shared
    evenly by the elements equal to the median; with it, it goes to the one at the index.

    Raises:
        ShapeError: there is no such dimension, or nothing along it.
        DtypeError: complex numbers.

    >>> import cnn_physics77 as torch
    >>> torch.median(torch.tensor([3.0, 1.0, 2.0, 10.0]))
    tensor(2.)
    """
    return _middle("median", False, input, dim, keepdim)


@method("nanmedian")
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False):
    """The :func:`median` of what is not NaN; NaN where nothing is left.

    >>> import cnn_physics77 as torch
    >>> torch.nanmedian(torch.tensor([3.0, float("nan"), 2.0]))
    tensor(2.)
    """
    return _middle("nanmedian", True, input, dim, keepdim)


__all__ = ["argsort", "kthvalue", "median", "msort", "nanmedian", "sort", "topk"]
