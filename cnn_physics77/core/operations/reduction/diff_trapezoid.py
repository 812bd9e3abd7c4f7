"""Finite differences, and integrals by the trapezoidal rule."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.operations.base.dimensions import dimension, dimensions
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.getitem import narrow
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.bitwise import bitwise_xor
from cnn_physics77.core.operations.reduction.cumsum_prod import cumsum
from cnn_physics77.core.operations.reduction.sum_mean import sum
from cnn_physics77.core.tensor import Tensor, method

# --------------------------------------------------------------------------------------------- differences


def _steps(x: Tensor, dim: int) -> Tensor:
    """x_{i+1} - x_i."""
    n = x.array.shape[dim] - 1
    after, before = narrow(x, dim, 1, n), narrow(x, dim, 0, n)
    return bitwise_xor(after, before) if x.array.dtype.kind == "b" else after - before


@method("diff")
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """The n-th differences along a dimension: y_i = x_{i+1} - x_i, n times. Of booleans, whether neighbours
    differ.

    Args:
        n: the order. From the size of the dimension on, the result has no elements; 0 copies the input.
        prepend, append: what is put before and after the input along the dimension first. Their other sizes
            are those of the input.

    Raises:
        ShapeError: the input is 0-d, the order is negative, or the shapes do not fit.

    >>> import cnn_physics77 as torch
    >>> torch.diff(torch.tensor([1, 3, 2]))
    tensor([ 2, -1])
    """
    input = as_tensor_input("diff", input)
    if input.array.ndim == 0:
        raise ShapeError("diff: expected at least one dimension, found a 0-d tensor")
    if n < 0:
        raise ShapeError(f"diff: order must be non-negative but got {n}")
    dim = dimension("diff", dim, input.array.ndim)
    parts = [part for part in (prepend, input, append) if part is not None]
    for part in parts:
        _check_fits(input.array.shape, part.array.shape, dim)
    if n == 0:
        return input.clone()
    x = cat(parts, dim) if len(parts) > 1 else input
    if n >= x.array.shape[dim]:
        return narrow(x, dim, 0, 0)
    for _ in range(n):
        x = _steps(x, dim)
    return x


def _check_fits(shape: tuple[int, ...], found: tuple[int, ...], dim: int) -> None:
    if len(found) != len(shape) or found[:dim] + found[dim + 1 :] != shape[:dim] + shape[dim + 1 :]:
        raise ShapeError(
            f"diff: expected prepend and append to have the sizes of the input, {shape}, except in dimension "
            f"{dim}, found {found}"
        )


def gradient(input: Tensor, *, spacing=None, dim=None, edge_order: int = 1) -> tuple[Tensor, ...]:
    r"""The derivatives of a sampled function along dimensions, by differences of second order.

    With the distances :math:`h` to the sample before and :math:`k` to the one after,

    .. math:: y_i = \frac{h^2 x_{i+1} + (k^2 - h^2) x_i - k^2 x_{i-1}}{h k (h + k)},

    which is :math:`(x_{i+1} - x_{i-1}) / 2h` for equal distances. At both ends it is the difference to the
    neighbour divided by the distance, or the derivative of the parabola through three samples (B. Fornberg,
    *Generation of finite difference formulas on arbitrarily spaced grids*, Math. Comp. 51, 1988).

    Args:
        spacing: the distance between samples, 1 by default, a number or one for each dimension; or, for
            each dimension, a vector of coordinates.
        dim: integer, several, or None for all.
        edge_order: 1 or 2, the order at the ends.

    Returns:
        A tuple with a tensor of the input's shape for each dimension. Of integers it is floating.

    Raises:
        ShapeError: a dimension has at most ``edge_order`` samples, or the number of spacings does not fit.
        ArgumentError: another order.

    >>> import cnn_physics77 as torch
    >>> torch.gradient(torch.tensor([1.0, 2.0, 4.0, 8.0]))
    (tensor([1.0000, 1.5000, 3.0000, 4.0000]),)
    """
    input = as_tensor_input("gradient", input)
    if edge_order not in (1, 2):
        raise ArgumentError(f"gradient: expected edge_order 1 or 2, found {edge_order}")
    if input.array.dtype.kind == "b" or input.array.dtype == np.uint8:
        raise DtypeError(f"gradient: expected a signed dtype, found {input.dtype}; convert it, e.g. .float()")
    shape = input.array.shape
    axes = dimensions("gradient", dim, len(shape))
    spacing = 1 if spacing is None else spacing
    spacings = list(spacing) if isinstance(spacing, (tuple, list)) else [spacing] * len(axes)
    if len(spacings) != len(axes):
        raise ShapeError(
            f"gradient: expected one spacing, or one for each of the {len(axes)} dimensions, found "
            f"{len(spacings)}"
        )
    results = []
    for axis, h in zip(axes, spacings):
        if shape[axis] <= edge_order:
            raise ShapeError(
                f"gradient: expected each dimension size to be at least edge_order + 1 = {edge_order + 1}, "
                f"found shape {shape}"
            )
        if isinstance(h, Tensor) and h.array.ndim:
            results.append(_of_coordinates(input, axis, _distances(h, shape, axis), edge_order))
        else:
            results.append(_of_equal_distances(input, axis, h, edge_order))
    return tuple(results)


def _distances(coordinates: Tensor, shape: tuple[int, ...], axis: int) -> Tensor:
    """The distances between the samples, in a shape that broadcasts."""
    n = shape[axis]
    if coordinates.array.shape != (n,):
        raise ShapeError(
            f"gradient: expected {n} coordinates for dimension {axis}, found shape {coordinates.array.shape}"
        )
    return reshape(_steps(coordinates, 0), (n - 1, *(1,) * (len(shape) - axis - 1)))


def _of_equal_distances(x: Tensor, dim: int, h, edge_order: int) -> Tensor:
    n = x.array.shape[dim]
    inside = (narrow(x, dim, 2, n - 2) - narrow(x, dim, 0, n - 2)) / (2 * h)
    first, last = _steps(narrow(x, dim, 0, 2), dim) / h, _steps(narrow(x, dim, n - 2, 2), dim) / h
    if edge_order == 2:
        first = 1.5 * first - 0.5 * (_steps(narrow(x, dim, 1, 2), dim) / h)
        last = 1.5 * last - 0.5 * (_steps(narrow(x, dim, n - 3, 2), dim) / h)
    return cat([first, inside, last], dim)


def _of_coordinates(x: Tensor, dim: int, distances: Tensor, edge_order: int) -> Tensor:
    n = x.array.shape[dim]
    axis = distances.array.ndim - x.array.ndim + dim
    h, k = narrow(distances, axis, 0, n - 2), narrow(distances, axis, 1, n - 2)
    slopes = _steps(x, dim) / distances
    before, after = narrow(slopes, dim, 0, n - 2), narrow(slopes, dim, 1, n - 2)
    inside = (k * before + h * after) / (h + k)
    first, last = narrow(slopes, dim, 0, 1), narrow(slopes, dim, n - 2, 1)
    if edge_order == 2:  # the parabola's slope at its end: that in the middle, reflected at the mean slope
        first = 2 * first - narrow(inside, dim, 0, 1)
        last = 2 * last - narrow(inside, dim, n - 3, 1)
    return cat([first, inside, last], dim)


# --------------------------------------------------------------------------------------------- integrals


def _areas(function: str, y, x, dx, dim: int) -> tuple[Tensor, int]:
    """The areas (x_{i+1} - x_i) (y_{i+1} + y_i) / 2 of the trapezoids, and their dimension."""
    y = as_tensor_input(function, y)
    if y.array.dtype.kind == "b":
        raise DtypeError(f"{function}: received a bool input for `y`, but bool is not supported; convert it")
    if y.array.ndim == 0:
        raise ShapeError(f"{function}: expected at least one dimension, found a 0-d tensor")
    dim = dimension(function, dim, y.array.ndim)
    if x is not None:
        if dx is not None:
            raise TypeError(f"{function}: expected x or dx, found both; leave one out")
        return _between(function, y, as_tensor_input(function, x), dim)
    dx = 1 if dx is None else dx
    if isinstance(dx, complex):
        raise DtypeError(f"{function}: expected dx as a real number, found {dx}")
    return _pairs(y, dim) * (dx / 2), dim


def _between(function: str, y: Tensor, x: Tensor, dim: int) -> tuple[Tensor, int]:
    if x.array.dtype.kind == "b":
        raise DtypeError(f"{function}: received a bool input for `x`, but bool is not supported; convert it")
    n = y.array.shape[dim]
    axis = 0 if x.array.ndim == 1 else dim + x.array.ndim - y.array.ndim
    if axis < 0 or x.array.ndim == 0 or x.array.shape[axis] != n:
        raise ShapeError(
            f"{function}: There must be one `x` value for each sample point: expected {n}, or the shape "
            f"{y.array.shape}, found {x.array.shape}"
        )
    if x.array.ndim == 1:
        x = reshape(x, (n, *(1,) * (y.array.ndim - dim - 1)))
        axis = 0
    areas = _pairs(y, dim) * _steps(x, axis) / 2.0
    return areas, areas.array.ndim - y.array.ndim + dim


def _pairs(y: Tensor, dim: int) -> Tensor:
    n = max(y.array.shape[dim] - 1, 0)
    return narrow(y, dim, y.array.shape[dim] - n, n) + narrow(y, dim, 0, n)


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx=None, dim: int = -1) -> Tensor:
    r"""The integral of a sampled function along a dimension by the trapezoidal rule.

    .. math:: \sum_i \tfrac12 (x_{i+1} - x_i) (y_{i+1} + y_i)

    Args:
        y: the values.
        x: the coordinates of the samples: a vector, or a tensor that broadcasts with the values.
        dx: instead of x, the distance between samples; 1 by default.

    The integral over fewer than two samples is 0. Integers become floating.

    Raises:
        ShapeError: the numbers of coordinates and values differ, or there is no such dimension.
        DtypeError: booleans.

    >>> import cnn_physics77 as torch
    >>> torch.trapezoid(torch.tensor([1.0, 2.0, 3.0]), dx=2)
    tensor(8.)
    >>> torch.trapezoid(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 3.0]))
    tensor(4.5000)
    """
    areas, dim = _areas("trapezoid", y, x, dx, dim)
    return sum(areas, dim)


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx=None, dim: int = -1) -> Tensor:
    """The integrals from the first sample to each later one by the trapezoidal rule: one fewer than there are
    samples. The arguments are those of :func:`trapezoid`.

    >>> import cnn_physics77 as torch
    >>> torch.cumulative_trapezoid(torch.tensor([1.0, 2.0, 3.0]))
    tensor([1.5000, 4.0000])
    """
    areas, dim = _areas("cumulative_trapezoid", y, x, dx, dim)
    return cumsum(areas, dim)


trapz = trapezoid

__all__ = ["cumulative_trapezoid", "diff", "gradient", "trapezoid", "trapz"]

complete_late(__name__)
