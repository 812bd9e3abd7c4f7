"""Sorting, topk, kthvalue and median.

NaN counts as larger than all numbers. Sorting is always stable: equal elements keep their order. The
gradients go to the chosen elements.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels import order
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.reduction.max_min import (
    nonempty_dimension,
    real_input,
    shared_evenly,
    take_along,
)
from cnn_physics77.core.tensor import Tensor, from_array, method


def _indices(find: Callable[..., np.ndarray], array: np.ndarray, dim: int, **options) -> np.ndarray:
    """What a kernel finds along a dimension; of a 0-d array it is 0."""
    return find(array, axis=dim, **options) if array.ndim else np.zeros((), np.int64)


@method("sort")
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> return_types.sort:
    """The sorted elements along a dimension, and their indices: a named tuple (values, indices).

    Args:
        descending: whether to sort in descending order. NaN counts as the largest.
        stable: accepted for compatibility with PyTorch; equal elements always keep their order.

    Raises:
        ShapeError: there is no such dimension.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.sort(torch.tensor([3.0, 1.0, 2.0]))
    torch.return_types.sort(
    values=tensor([1., 2., 3.]),
    indices=tensor([1, 2, 0]))
    """
    input = real_input("sort", input)
    dim = dimension("sort", dim, input.array.ndim)
    indices = _indices(order.argsort, input.array, dim, descending=descending)
    return take_along(return_types.sort, input, indices, dim, squeeze=False)


@method("argsort")
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that sort along a dimension: int64. See :func:`sort`.

    >>> import cnn_physics77 as torch
    >>> torch.argsort(torch.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """
    array = real_input("argsort", input).array
    axis = dimension("argsort", dim, array.ndim)
    return from_array(_indices(order.argsort, array, axis, descending=descending))


@method("msort")
@in_own_name
def msort(input: Tensor) -> Tensor:
    """The elements in ascending order along the first dimension.

    >>> import cnn_physics77 as torch
    >>> torch.msort(torch.tensor([[2.0, 1.0], [0.0, 3.0]]))
    tensor([[0., 1.],
            [2., 3.]])
    """
    return sort(input, 0).values


@method("topk")
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> return_types.topk:
    """The k largest elements along a dimension, in descending order, and their indices: a named tuple
    (values, indices).

    Args:
        k: the number of elements.
        largest: False gives the k smallest, in ascending order.
        sorted: accepted for compatibility with PyTorch; the result is always sorted. Equal elements keep
            their order.

    Raises:
        ShapeError: there is no such dimension, or it has fewer than k elements.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.topk(torch.tensor([3.0, 1.0, 2.0]), 2)
    torch.return_types.topk(
    values=tensor([3., 2.]),
    indices=tensor([0, 2]))
    """
    input = real_input("topk", input)
    array = input.array
    dim = dimension("topk", dim, array.ndim)
    size = array.shape[dim] if array.ndim else 1
    if not 0 <= k <= size:
        raise ShapeError(
            f"topk: selected index k out of range: expected 0 <= k <= {size} along dim {dim}, found k = {k}"
        )
    indices = _indices(order.top, array, dim, k=k, largest=largest)
    return take_along(return_types.topk, input, indices, dim, squeeze=False)


@method("kthvalue")
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> return_types.kthvalue:
    """The k-th smallest element along a dimension (k starts at 1), and its index: a named tuple (values,
    indices).

    Raises:
        ShapeError: there is no such dimension, or it has fewer than k elements.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.kthvalue(torch.tensor([3.0, 1.0, 2.0]), 2)
    torch.return_types.kthvalue(
    values=tensor(2.),
    indices=tensor(2))
    """
    input = real_input("kthvalue", input)
    array = input.array
    dim = nonempty_dimension("kthvalue", dim, array)
    size = array.shape[dim] if array.ndim else 1
    if not 1 <= k <= size:
        raise ShapeError(
            f"kthvalue: selected number k out of range: expected 1 <= k <= {size} along dim {dim}, found k = "
            f"{k}"
        )
    index = _indices(order.nth, array, dim, place=k - 1)
    return take_along(return_types.kthvalue, input, index, dim, squeeze=not keepdim)


# --------------------------------------------------------------------------------------------- medians


def _median_index(array: np.ndarray, dim: int, ignore_nan: bool) -> np.ndarray:
    """The index of the lower median along a dimension, which is kept with size 1."""
    size = array.shape[dim] if array.ndim else 1
    missing = np.isnan(array)
    if not (array.ndim and missing.any()):
        return _indices(order.nth, array, dim, place=(size - 1) // 2)
    numbers = size - np.add.reduce(missing, axis=dim, keepdims=True, dtype=np.int64)
    middle = np.maximum(numbers - 1, 0) // 2
    if not ignore_nan:
        middle = np.where(numbers < size, numbers, middle)  # the first NaN
    return np.take_along_axis(order.argsort(array, axis=dim), middle, dim)


@operation(name="median")
def _median(x, *, ignore_nan):
    flat = x.reshape(-1)
    if not flat.size:
        return np.full((), np.nan, x.dtype)
    return flat.take(_median_index(flat, 0, ignore_nan)[0])


_median.declare("x", lambda g, x, y: shared_evenly(g, x, y, tuple(range(x.array.ndim)), False, True))


def _middle(function: str, ignore_nan: bool, input, dim, keepdim: bool):
    input = real_input(function, input)
    if dim is None:
        if not input.array.size and input.array.dtype.kind != "f":
            raise ShapeError(f"{function}: expected at least one element, found shape {input.array.shape}")
        return _median(input, ignore_nan=ignore_nan)
    axis = nonempty_dimension(function, dim, input.array)
    kind = return_types.nanmedian if ignore_nan else return_types.median
    return take_along(kind, input, _median_index(input.array, axis, ignore_nan), axis, squeeze=not keepdim)


@method("median")
def median(input: Tensor, dim: int | None = None, keepdim: bool = False):
    """The median of all elements; or along a dimension, as a named tuple (values, indices). For an even
    number of elements it is the lower one of the two in the middle.

    If there is a NaN, or no element, the result is NaN. Without ``dim`` the elements that equal the median
    share the gradient evenly; with ``dim`` the gradient goes to the element at the index.

    Raises:
        ShapeError: there is no such dimension, or it is empty.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.median(torch.tensor([3.0, 1.0, 2.0, 10.0]))
    tensor(2.)
    """
    return _middle("median", False, input, dim, keepdim)


@method("nanmedian")
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False):
    """The :func:`median` of the elements that are not NaN; NaN if there are none.

    >>> import cnn_physics77 as torch
    >>> torch.nanmedian(torch.tensor([3.0, float("nan"), 2.0]))
    tensor(2.)
    """
    return _middle("nanmedian", True, input, dim, keepdim)


__all__ = ["argsort", "kthvalue", "median", "msort", "nanmedian", "sort", "topk"]
