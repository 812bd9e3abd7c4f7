"""Quantiles, and the most frequent value."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels import order
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.broadcasting import expand_to
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.comparison.sort_topk import sort
from cnn_physics77.core.operations.indexing.gather_scatter import gather_along
from cnn_physics77.core.operations.indexing.permute import movedim
from cnn_physics77.core.operations.indexing.shape import reshape, squeeze
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.reduction.max_min import (
    nonempty_dimension,
    real_input,
    take_along,
)
from cnn_physics77.core.tensor import Tensor, from_array, method

# --------------------------------------------------------------------------------------------- quantiles

_WAYS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(
    function: str, ignore_nan: bool, input, q, dim: int | None, keepdim: bool, interpolation: str
) -> Tensor:
    input = as_tensor_input(function, input)
    q = _probabilities(function, input, q)
    if interpolation not in _WAYS:
        raise ArgumentError(
            f"{function}: interpolation must be one of {', '.join(_WAYS)}, but got {interpolation!r}"
        )
    shape = input.array.shape
    axis = 0 if dim is None else dimension(function, dim, len(shape))
    x = reshape(input, (-1,)) if dim is None or not shape else movedim(input, axis, -1)
    ordered = sort(x).values
    y = _interpolated(ordered, q, ignore_nan, interpolation)  # (..., number of q)
    y = movedim(y, -1, 0) if q.array.ndim else squeeze(y, -1)
    if not (keepdim and shape):
        return y
    kept = (1,) * len(shape) if dim is None else (*shape[:axis], 1, *shape[axis + 1 :])
    return reshape(y, (*q.array.shape, *kept))


def _probabilities(function: str, input: Tensor, q) -> Tensor:
    dtype = input.array.dtype
    if dtype not in (np.float32, np.float64):
        raise DtypeError(f"{function}: expected an input of float32 or float64, found {input.dtype}")
    if not input.array.size:
        raise ShapeError(f"{function}: input tensor must be non-empty, found shape {input.array.shape}")
    if not isinstance(q, Tensor):
        q = from_array(np.asarray(q, dtype))
    if q.array.dtype != dtype:
        raise DtypeError(f"{function}: q tensor must be same dtype as the input tensor, found {q.dtype}")
    if q.array.ndim > 1:
        raise ShapeError(f"{function}: q must be a scalar or 1D tensor, found shape {q.array.shape}")
    if not ((q.array >= 0) & (q.array <= 1)).all():
        raise ArgumentError(f"{function}: q must be in the range [0, 1] but got {q.array.tolist()}")
    return q


def _interpolated(ordered: Tensor, q: Tensor, ignore_nan: bool, interpolation: str) -> Tensor:
    """The quantiles of the last dimension, which is in ascending order with NaN at its end."""
    shape = (*ordered.array.shape[:-1], q.array.size)
    numbers = np.add.reduce(~np.isnan(ordered.array), axis=-1, keepdims=True, dtype=np.int64)
    n = ordered.array.shape[-1]
    last = np.maximum(numbers - 1, 0) if ignore_nan else np.full_like(numbers, n - 1)
    place = expand_to(reshape(q, (-1,)), shape) * from_array(last.astype(q.array.dtype))
    if interpolation == "nearest":
        below = above = np.rint(place.array).astype(np.int64)
    else:
        below = np.floor(place.array).astype(np.int64)
        above = np.ceil(place.array).astype(np.int64)
        if interpolation == "higher":
            below = above
        elif interpolation == "lower":
            above = below
    if not ignore_nan:  # the quantile of what contains a NaN is that NaN
        below, above = (np.where(numbers < n, n - 1, i) for i in (below, above))
    lower = gather_along(ordered, from_array(below), dim=ordered.array.ndim - 1, squeeze=False)
    if above is below:
        return lower
    upper = gather_along(ordered, from_array(above), dim=ordered.array.ndim - 1, squeeze=False)
    if interpolation == "midpoint":
        return lower.lerp(upper, 0.5)
    return lower.lerp(upper, place - from_array(below.astype(q.array.dtype)))


@method("quantile")
def quantile(
    input: Tensor, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    r"""The q-th quantiles of all elements, or along a dimension.

    With the n elements in ascending order, the quantile lies at the place q (n - 1), counted from 0. Between
    two elements it is interpolated. If there is a NaN, the quantile is NaN. The gradients go to the two
    elements, and, for linear interpolation, to q.

    Args:
        input: float32 or float64.
        q: a number from 0 to 1, or a tensor of the input's dtype, 0-d or 1-d.
        dim: the dimension; None for all elements.
        keepdim: whether to keep the reduced dimensions with size 1.
        interpolation: ``"linear"``; ``"lower"``, ``"higher"`` or ``"nearest"`` element (of two equally near
            ones, that of the even place); ``"midpoint"`` of the two.

    Returns:
        Tensor; for a 1-d q it has a new first dimension, with a quantile for each q.

    Raises:
        DtypeError: another dtype.
        ShapeError: there is no such dimension, no elements, or q has more dimensions.
        ArgumentError: q is not between 0 and 1, or another interpolation.

    >>> import cnn_physics77 as torch
    >>> torch.quantile(torch.tensor([3.0, 1.0, 2.0, 10.0]), torch.tensor([0.0, 0.5, 0.75]))
    tensor([1.0000, 2.5000, 4.7500])
    """
    return _quantile("quantile", False, input, q, dim, keepdim, interpolation)


@method("nanquantile")
def nanquantile(
    input: Tensor, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The :func:`quantile` of the elements that are not NaN; NaN if there are none.

    >>> import cnn_physics77 as torch
    >>> torch.nanquantile(torch.tensor([3.0, float("nan"), 1.0]), 0.5)
    tensor(2.)
    """
    return _quantile("nanquantile", True, input, q, dim, keepdim, interpolation)


# --------------------------------------------------------------------------------------------- mode


def _index_of_mode(x: np.ndarray, dim: int) -> np.ndarray:
    """The index of the last element that equals the most frequent one, or the least such one."""
    indices = order.argsort(x, axis=dim)
    ordered = np.moveaxis(np.take_along_axis(x, indices, dim), dim, -1)
    place = np.arange(ordered.shape[-1])
    starts = np.ones(ordered.shape, bool, like=x)
    starts[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    run = place - np.maximum.accumulate(np.where(starts, place, 0), axis=-1)  # equal elements before this one
    last = np.argmax(run, axis=-1, keepdims=True)
    return np.take_along_axis(indices, np.moveaxis(last, -1, dim), dim)


@method("mode")
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> return_types.mode:
    """The most frequent value along a dimension, and the index of its last occurrence (int64): a named tuple
    (values, indices). Of equally frequent values it is the least. NaN equals nothing.

    Raises:
        ShapeError: there is no such dimension, or it is empty.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.mode(torch.tensor([3, 1, 2, 3]))
    torch.return_types.mode(
    values=tensor(3),
    indices=tensor(3))
    """
    input = real_input("mode", input)
    dim = nonempty_dimension("mode", dim, input.array)
    index = _index_of_mode(input.array, dim) if input.array.ndim else np.zeros((), np.int64)
    return take_along(return_types.mode, input, index, dim, squeeze=not keepdim)


__all__ = ["mode", "nanquantile", "quantile"]

complete_late(__name__)
