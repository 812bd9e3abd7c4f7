"""Histograms. They have no derivative.

A bin contains its lower edge; the last one contains its upper edge, too. Elements outside of all bins, and
NaN, are not counted.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, RangeError, ShapeError
from cnn_physics77.core.kernels.runtime.one_call import one_call
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.creation.creation import linspace
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor, from_array, method


def _floating(function: str, value, kinds: tuple = (np.float32, np.float64)) -> Tensor:
    tensor = as_tensor_input(function, value)
    if tensor.array.dtype not in kinds:
        raise DtypeError(
            f"{function}: expected a floating dtype, found {tensor.dtype}; convert it, e.g. with .float()"
        )
    return tensor


def _limits(function: str, x: np.ndarray, low: float, high: float, given: bool) -> tuple[float, float]:
    """The outer edges: those given, or the extremes of the elements; they are never equal."""
    if not given:
        low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 1.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RangeError(f"{function}: range of [{low:g}, {high:g}] is not finite; give finite limits")
    return low, high


def _check_bins(function: str, bins) -> int:
    if not isinstance(bins, (int, np.integer)):
        raise TypeError(f"{function}: expected bins as an integer, found {type(bins).__name__}")
    if bins < 1:
        raise ShapeError(f"{function}: bins must be > 0, but got {bins}")
    return int(bins)


@method("histc")
def histc(input: Tensor, bins: int = 100, min=0, max=0) -> Tensor:
    """The number of elements in each of several bins of equal width, as numbers of the input's dtype.

    Args:
        input: floating.
        bins: how many.
        min, max: the outer edges. If both are 0, they are the extremes of the elements. Equal edges are moved
            apart by 1 each.

    Raises:
        DtypeError: the input is not floating.
        ShapeError: no bins.
        ArgumentError: an edge is infinite or NaN, or ``max`` is less than ``min``.

    >>> import cnn_physics77 as torch
    >>> torch.histc(torch.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    x = _floating("histc", input, (np.float16, np.float32, np.float64)).array
    return from_array(_counts(x, _check_bins("histc", bins), min, max))


@one_call
def _counts(x: np.ndarray, bins: int, min: float, max: float) -> np.ndarray:
    low, high = _limits("histc", x, min, max, min != 0 or max != 0)
    if low > high:
        raise ArgumentError(f"histc: max must be larger than min, found min {min} and max {max}")
    if low == high:
        low, high = low - 1, high + 1
    inside = x[(x >= low) & (x <= high)]
    wide = inside.astype(np.float32) if x.dtype == np.float16 else inside
    place = ((wide - wide.dtype.type(low)) * bins / (high - low)).astype(np.int64)
    return np.bincount(np.minimum(place, bins - 1), minlength=bins).astype(x.dtype)


@method("histogram")
def histogram(
    input: Tensor, bins=100, *, range=None, weight: Tensor | None = None, density: bool = False
) -> return_types.histogram:
    """The number of elements in each bin, and the edges of the bins: a named tuple (hist, bin_edges), both of
    the input's dtype.

    Args:
        input: float32 or float64.
        bins: the number of bins of equal width; or their edges, an ascending vector.
        range: the outer edges, if ``bins`` is a number; by default the extremes of the elements. Equal edges
            are moved apart by 1/2 each.
        weight: what each element counts, a tensor of the input's shape and dtype.
        density: whether to divide by the total and by the widths, so that the integral is 1.

    Raises:
        DtypeError: another dtype.
        ShapeError: no bins, edges that are not a vector, or weights of another shape.
        ArgumentError: an edge is infinite or NaN, or the range is descending.

    >>> import cnn_physics77 as torch
    >>> torch.histogram(torch.tensor([1.0, 2.0, 1.0]), 2, range=(0.0, 3.0))
    torch.return_types.histogram(
    hist=tensor([2., 1.]),
    bin_edges=tensor([0.0000, 1.5000, 3.0000]))
    """
    input = _floating("histogram", input)
    if range is not None and isinstance(bins, Tensor):
        raise TypeError("histogram: expected range only for a number of bins, found edges; leave it out")
    shape = input.array.shape
    if weight is not None and weight.array.shape != shape:
        raise ShapeError(f"histogram: expected a weight of shape {shape}, found {weight.array.shape}")
    hist, edges = _counted("histogram", input.array.reshape(-1, 1), [bins], range, weight, density)
    return return_types.histogram(hist, edges[0])


def histogramdd(
    input: Tensor, bins, range=None, weight: Tensor | None = None, density: bool = False
) -> return_types.histogramdd:
    """The number of points in each box of a grid, and the edges in each dimension: a named tuple (hist,
    bin_edges).

    Args:
        input: points as (..., D), float32 or float64.
        bins: the number of intervals, one for all D dimensions or one for each; or the edges in each
            dimension, ascending vectors.
        range: the 2 D outer edges, those of the first dimension first; by default the extremes.
        weight: what each point counts, a tensor of shape (...).
        density: whether to divide by the total and by the volumes, so that the integral is 1.

    Raises:
        DtypeError: another dtype.
        ShapeError: numbers or shapes that do not fit.
        ArgumentError: an edge is infinite or NaN, or a range is descending.

    >>> import cnn_physics77 as torch
    >>> points = torch.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
    >>> torch.histogramdd(points, [2, 1]).hist
    tensor([[1.],
            [2.]])
    """
    input = _floating("histogramdd", input)
    shape = input.array.shape
    if len(shape) < 2:
        raise ShapeError(f"histogramdd: input tensor should have at least 2 dimensions, found shape {shape}")
    each = list(bins) if isinstance(bins, (tuple, list)) else [bins] * shape[-1]
    if len(each) != shape[-1]:
        raise ShapeError(
            f"histogramdd: The size of bins must be equal to the innermost dimension of the input: expected "
            f"{shape[-1]}, found {len(each)}"
        )
    if weight is not None and weight.array.shape != shape[:-1]:
        raise ShapeError(f"histogramdd: expected a weight of shape {shape[:-1]}, found {weight.array.shape}")
    points = input.array.reshape(-1, shape[-1])
    return return_types.histogramdd(*_counted("histogramdd", points, each, range, weight, density))


def _counted(
    function: str,
    points: np.ndarray,
    bins: list,
    range: Sequence | None,
    weight: Tensor | None,
    density: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The histogram of points (N, D), with numbers or edges for each dimension."""
    dtype, dims = points.dtype, points.shape[1]
    if range is not None and len(range) != 2 * dims:
        raise ShapeError(
            f"{function}: for a {dims}-dimensional histogram range should have {2 * dims} elements, but got "
            f"{len(range)}"
        )
    if weight is not None and weight.array.dtype != dtype:
        raise DtypeError(f"{function}: expected a weight of dtype torch.{dtype}, found {weight.dtype}")
    given = [each.array if isinstance(each, Tensor) else each for each in bins]
    weights = None if weight is None else weight.array.reshape(-1)
    hist, *edges = _counts_and_edges(points, weights, function, tuple(given), range, density)
    return from_array(hist), tuple(map(from_array, edges))


@one_call
def _counts_and_edges(
    points: np.ndarray,
    weights: np.ndarray | None,
    function: str,
    bins: tuple,
    range: Sequence | None,
    density: bool,
) -> tuple[np.ndarray, ...]:
    dtype, dims = points.dtype, points.shape[1]
    edges = [
        _edges(function, points[:, d], bins[d], None if range is None else range[2 * d : 2 * d + 2])
        for d in builtins.range(dims)
    ]
    counts = tuple(len(e) - 1 for e in edges)
    inside = np.ones(len(points), bool)
    places = []
    for x, e in zip(points.T, edges):
        inside &= (x >= e[0]) & (x <= e[-1])
        places.append(np.clip(np.searchsorted(e, x, "right") - 1, 0, len(e) - 2))
    place = np.ravel_multi_index(tuple(p[inside] for p in places), counts)
    hist = np.bincount(place, None if weights is None else weights[inside], math.prod(counts)).reshape(counts)
    if density:
        hist = hist / hist.sum()
        for axis, e in enumerate(edges):
            hist = hist / np.diff(e).reshape(tuple(-1 if d == axis else 1 for d in builtins.range(dims)))
    return hist.astype(dtype), *edges


def _edges(function: str, x: np.ndarray, bins, limits: Sequence | None) -> np.ndarray:
    if isinstance(bins, np.ndarray):
        if bins.ndim != 1:
            raise ShapeError(f"{function}: bins tensor should have one dimension, found {bins.shape}")
        if bins.dtype != x.dtype:
            raise DtypeError(f"{function}: expected bins of dtype torch.{x.dtype}, found torch.{bins.dtype}")
        _check_bins(function, bins.size - 1)
        return bins.copy()
    bins = _check_bins(function, bins)
    low, high = (0.0, 0.0) if limits is None else limits
    low, high = _limits(function, x, low, high, limits is not None)
    if low > high:
        raise ArgumentError(f"{function}: min should not exceed max, but got min {low:g} max {high:g}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return linspace(low, high, bins + 1, dtype=x.dtype).array


__all__ = ["histc", "histogram", "histogramdd"]

complete_late(__name__)
