"""Searching and counting: one_hot, unique, searchsorted, bucketize, repeat_interleave, bincount."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels.runtime.one_call import one_call
from cnn_physics77.core.operations.base.broadcasting import cast
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.indexing.gather_scatter import check_index
from cnn_physics77.core.operations.indexing.getitem import pick
from cnn_physics77.core.operations.indexing.index_put import index_add
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.tensor import Tensor, from_array, method


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Classes as unit vectors (int64, without derivative): y[..., k] = 1 if k is the class, else 0.

    Args:
        tensor: non-negative integers.
        num_classes: the size of the new last dimension; -1 for the largest class plus 1.

    Raises:
        DtypeError: the tensor is not of integers.
        ShapeError: a class is negative, or not below ``num_classes``; or the tensor is empty, and
            ``num_classes`` is -1.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]), 3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    index = check_index("one_hot", tensor).array
    if index.size == 0:
        if num_classes <= 0:
            raise ShapeError("one_hot: Can not infer total number of classes from empty tensor.")
        return from_array(np.zeros((*index.shape, num_classes), np.int64))
    if index.min() < 0:
        raise ShapeError(f"one_hot: Class values must be non-negative, found {index.min()}")
    if num_classes == -1:
        num_classes = int(index.max()) + 1
    elif num_classes < 1:
        raise ShapeError(f"one_hot: num_classes should be positive, found {num_classes}")
    elif index.max() >= num_classes:
        raise ShapeError(
            f"one_hot: Class values must be smaller than num_classes, found {index.max()} for {num_classes}"
        )
    return from_array((index[..., None] == np.arange(num_classes)).astype(np.int64))


@method("unique")
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
):
    """The distinct elements, or slices along a dimension, in ascending order. The gradient of each goes to
    its first occurrence.

    Args:
        sorted: accepted for compatibility with PyTorch; the result is always sorted.
        return_inverse: whether to return, for each element of the input, its index in the result.
        return_counts: whether to return the number of occurrences of each.
        dim: the dimension along which slices are compared; None to compare elements.

    Returns:
        Tensor, or the requested tensors of (unique, inverse, counts) as a tuple.

    Raises:
        ShapeError: no such dimension, or its slices are empty.

    >>> import cnn_physics77 as torch
    >>> torch.unique(torch.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    axis = _axis_of_slices("unique", input.array, dim)
    _, first, inverse, counts = np.unique(
        input.array, return_index=True, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    inverse = inverse.reshape(input.array.shape if axis is None else -1)
    return _results(_slices(input, first, axis), inverse, counts, return_inverse, return_counts)


def _axis_of_slices(function: str, array: np.ndarray, dim: int | None) -> int | None:
    """``dim`` counted from 0; None for the elements."""
    if dim is None:
        return None
    if array.ndim == 0:
        raise ShapeError(f"{function}: Dimension specified as {dim} but tensor has no dimensions")
    axis = dimension(function, dim, array.ndim)
    if 0 in array.shape[:axis] + array.shape[axis + 1 :]:
        raise ShapeError(
            f"{function}: expected slices with elements to compare, found shape {array.shape}, whose slices "
            f"along dimension {axis} are empty; choose the dimension of size 0"
        )
    return axis


def _slices(input: Tensor, index: np.ndarray, axis: int | None) -> Tensor:
    """The slices at an index along an axis, or the elements at an index of the flattened input."""
    if axis is None:
        return pick(reshape(input, (input.array.size,)), (from_array(index),))
    return pick(input, (None,) * axis + (from_array(index),))


def _results(found: Tensor, inverse, counts, return_inverse: bool, return_counts: bool):
    results = [found]
    if return_inverse:
        results.append(from_array(inverse))
    if return_counts:
        results.append(from_array(counts))
    return results[0] if len(results) == 1 else tuple(results)


@method("unique_consecutive")
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
):
    """The elements, or slices along a dimension, without consecutive repetitions. The gradient goes to the
    first element of each run. The arguments are those of :func:`unique`.

    >>> import cnn_physics77 as torch
    >>> torch.unique_consecutive(torch.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    array = input.array
    axis = _axis_of_slices("unique_consecutive", array, dim)
    rows = array.reshape(-1) if axis is None else np.moveaxis(array, axis, 0)
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=tuple(range(1, rows.ndim)))
    first = new.nonzero()[0]
    inverse = np.cumsum(new, dtype=np.int64) - 1
    inverse = inverse.reshape(array.shape) if axis is None else inverse
    counts = np.diff(np.append(first, len(rows)))
    return _results(_slices(input, first, axis), inverse, counts, return_inverse, return_counts)


def searchsorted(
    sorted_sequence: Tensor,
    input,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """The indices at which values can be inserted into sorted rows so that these stay sorted. They have no
    derivative.

    Args:
        sorted_sequence: ascending along the last dimension; 1-D, or with the same leading sizes as the
            values.
        input: the values, a tensor or a number.
        right: whether to insert after equal elements, s[i-1] <= v < s[i], instead of before them,
            s[i-1] < v <= s[i].
        side: ``"left"`` or ``"right"``, another form of ``right``.
        out_int32: whether to return int32 instead of int64.
        sorter: the indices that sort ``sorted_sequence``, if it is not sorted.

    Raises:
        ShapeError: the leading sizes differ.
        ArgumentError: ``side`` contradicts ``right``.

    >>> import cnn_physics77 as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
    tensor([1, 3])
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), 3, right=True)
    tensor(2)
    """
    if side not in (None, "left", "right"):
        raise ArgumentError(f"searchsorted: side can only be 'left' or 'right' but got {side!r}")
    if side == "left" and right:
        raise ArgumentError(
            "searchsorted: side and right can't be set to opposites, got side of left while right was True"
        )
    where: Literal["left", "right"] = "right" if right or side == "right" else "left"
    rows = sorted_sequence.array
    if sorter is not None:
        rows = np.take_along_axis(rows, check_index("searchsorted", sorter).array, -1)
    values = input.array if isinstance(input, Tensor) else np.asarray(input)
    dtype = np.int32 if out_int32 else np.int64
    if rows.ndim > 1 and rows.shape[:-1] != values.shape[:-1]:
        raise ShapeError(
            "searchsorted: boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(rows.shape)} and "
            f"input value tensor {list(values.shape)}"
        )
    return from_array(_places(rows, values, where, dtype))


@one_call
def _places(rows: np.ndarray, values: np.ndarray, side: Literal["left", "right"], dtype: type) -> np.ndarray:
    """The place of each value in the row that it belongs to."""
    if rows.ndim == 1:
        return np.asarray(np.searchsorted(rows, values, side)).astype(dtype, copy=False)
    out: np.ndarray = np.empty(values.shape, dtype, like=rows)
    for at in np.ndindex(values.shape[:-1]):
        np.copyto(out[(*at, ...)], np.searchsorted(rows[at], values[at], side))
    return out


def bucketize(input, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The index i of the interval between ascending boundaries that contains each value: b[i-1] < v <= b[i],
    or with ``right`` b[i-1] <= v < b[i]. It has no derivative.

    Raises:
        ShapeError: the boundaries are not 1-D.

    >>> import cnn_physics77 as torch
    >>> torch.bucketize(torch.tensor([1, 4, 9]), torch.tensor([1, 3, 5]))
    tensor([0, 2, 3])
    """
    if boundaries.array.ndim != 1:
        raise ShapeError(
            f"bucketize: boundaries tensor must be 1 dimension, but got dim({boundaries.array.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def repeat_interleave(
    input: Tensor | None = None, repeats=None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each slice along a dimension repeated several times in succession; without a dimension, each element of
    the flattened input.

    Args:
        repeats: the number of repetitions, one for all slices or one for each. With a single argument,
            ``repeat_interleave(repeats)``, the result is 0 repeats[0] times, 1 repeats[1] times, and so on.
        output_size: accepted for compatibility with PyTorch.

    Raises:
        ShapeError: repeats are negative, or their number is not that of the slices.
        DtypeError: repeats are not integers.

    >>> import cnn_physics77 as torch
    >>> torch.repeat_interleave(torch.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    >>> torch.repeat_interleave(torch.tensor([1, 2]), torch.tensor([1, 3]))
    tensor([1, 2, 2, 2])
    """
    if repeats is None or input is None:
        times = check_index("repeat_interleave", input if repeats is None else repeats).array
        return from_array(np.repeat(np.arange(times.size, dtype=times.dtype, like=times), times))
    x = reshape(input, (input.array.size,)) if dim is None or input.array.ndim == 0 else input
    dim = 0 if dim is None else dimension("repeat_interleave", dim, input.array.ndim)
    if isinstance(repeats, int):
        repeats = from_array(np.asarray(repeats))
    times = check_index("repeat_interleave", repeats).array
    n = x.array.shape[dim]
    if times.ndim > 1 or (times.size != 1 and times.size != n):
        raise ShapeError(
            "repeat_interleave: repeats must have the same size as input along dim, but got repeats.size(0) "
            f"= {times.size} and input.size({dim}) = {n}"
        )
    if (times < 0).any():
        raise ShapeError("repeat_interleave: repeats can not be negative")
    return pick(x, (None,) * dim + (from_array(np.repeat(np.arange(n, like=times), times)),))


method("repeat_interleave")(repeat_interleave)


@method("bincount")
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """The number of occurrences of each of 0, 1, 2, ...; with weights, the sum of their weights, which is
    differentiable with respect to the weights.

    Raises:
        DtypeError: the input is not of integers.
        ShapeError: the input is not 1-D or has negative numbers, or the weights have another shape.

    >>> import cnn_physics77 as torch
    >>> torch.bincount(torch.tensor([1, 1, 3]))
    tensor([0, 2, 0, 1])
    """
    array = check_index("bincount", input).array
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise ShapeError("bincount: only supports 1-d non-negative integral inputs.")
    if weights is None:
        return from_array(np.bincount(array, minlength=minlength))
    if weights.array.shape != array.shape:
        raise ShapeError(
            f"bincount: weights should be 1-d and have the same length as input, found {weights.shape} and "
            f"{input.shape}"
        )
    if weights.array.dtype.kind not in "fiub":
        raise DtypeError(f"bincount: expected real weights, found {weights.dtype}")
    size = max(minlength, int(array.max()) + 1 if array.size else 0)
    dtype = weights.array.dtype if weights.array.dtype.kind == "f" else np.dtype(np.float64)
    weights = weights if weights.array.dtype == dtype else cast(weights, dtype=dtype)
    return index_add(from_array(np.zeros(size, dtype)), 0, input, weights)


__all__ = [
    "bincount",
    "bucketize",
    "one_hot",
    "repeat_interleave",
    "searchsorted",
    "unique",
    "unique_consecutive",
]
