"""Moved or repeated elements: flip, roll, rot90, repeat, tile."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.runtime.layout import is_view
from cnn_physics77.core.operations.base.broadcasting import expand_to
from cnn_physics77.core.operations.base.dimensions import dimension, dimensions, sizes_of, variadic
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.indexing.clone import clone, contiguous_format
from cnn_physics77.core.operations.indexing.permute import transpose
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.tensor import Tensor, method


@operation
def _flip(x, *, dims):
    """y_i = x_(n-1-i) along the dims."""
    return np.flip(x, dims).copy(order="K")


@_flip.derivative("x")
def _(g, dims):
    return _flip(g, dims=dims)


def flip(input: Tensor, dims) -> Tensor:
    """The elements in reverse order along the dimensions ``dims``; a copy.

    Raises:
        ShapeError: no such dimension, or one named twice.

    >>> import cnn_physics77 as torch
    >>> torch.flip(torch.tensor([[1, 2], [3, 4]]), (0, 1))
    tensor([[4, 3],
            [2, 1]])
    """
    dims = sizes_of("flip", (dims,) if isinstance(dims, (tuple, list)) else ((dims,),))
    return _flip(input, dims=dimensions("flip", dims, input.array.ndim) if dims else ())


method("flip")(variadic(flip))


@method("fliplr")
def fliplr(input: Tensor) -> Tensor:
    """The columns of a matrix in reverse order.

    Raises:
        ShapeError: there are fewer than two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.fliplr(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    if input.array.ndim < 2:
        raise ShapeError(f"fliplr: Input must be >= 2-d, found shape {input.array.shape}; use flip")
    return _flip(input, dims=(1,))


@method("flipud")
def flipud(input: Tensor) -> Tensor:
    """The rows of a matrix in reverse order.

    Raises:
        ShapeError: a 0-d tensor.

    >>> import cnn_physics77 as torch
    >>> torch.flipud(torch.tensor([[1, 2], [3, 4]]))
    tensor([[3, 4],
            [1, 2]])
    """
    if input.array.ndim < 1:
        raise ShapeError(f"flipud: Input must be >= 1-d, found shape {input.array.shape}")
    return _flip(input, dims=(0,))


@operation
def _roll(x, *, shifts, dims):
    """y_((i + shift) mod n) = x_i along the dims."""
    return np.roll(x, shifts, dims)


@_roll.derivative("x")
def _(g, shifts, dims):
    return _roll(g, shifts=tuple(-s for s in shifts), dims=dims)


def roll(input: Tensor, shifts, dims=None) -> Tensor:
    """The elements shifted cyclically: :math:`y_{(i + shift) \\bmod n} = x_i`.

    Args:
        shifts: the shift, an integer or one for each of the dims.
        dims: the dimensions. Without them the flattened tensor is rolled.

    Raises:
        ShapeError: unequal numbers of shifts and dims, or no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.roll(torch.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    shifts = sizes_of("roll", (shifts,))
    if not shifts:
        raise ShapeError("roll: `shifts` required, found ()")
    dims = () if dims is None else sizes_of("roll", (dims,))
    if not dims and len(shifts) == 1:
        return reshape(
            _roll(reshape(input, (-1,) if input.array.size else (0,)), shifts=shifts, dims=(0,)), input.shape
        )
    if len(shifts) != len(dims):
        raise ShapeError(f"roll: shifts and dimensions must align, found shifts {shifts} and dims {dims}")
    dims = tuple(dimension("roll", d, input.array.ndim) for d in dims)
    return _roll(input, shifts=shifts, dims=dims)


method("roll")(roll)


@method("rot90")
def rot90(input: Tensor, k: int = 1, dims=(0, 1)) -> Tensor:
    """The tensor rotated k times by 90 degrees in the plane of two dimensions, from the first of ``dims`` to
    the second.

    Raises:
        ShapeError: ``dims`` are not two different dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.rot90(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    if len(dims) != 2:
        raise ShapeError(f"rot90: expected total rotation dims == 2, found dims {tuple(dims)}")
    if input.array.ndim < 2:
        raise ShapeError(f"rot90: expected total dims >= 2, found shape {input.array.shape}")
    a, b = dimensions("rot90", dims, input.array.ndim)
    turns = k % 4
    if turns == 0:
        return _flip(input, dims=())
    if turns == 2:
        return _flip(input, dims=(a, b))
    return transpose(_flip(input, dims=(b,) if turns == 1 else (a,)), a, b)


# --------------------------------------------------------------------------------------------- repeating


@method("repeat")
@variadic
def _repeat(self, repeats) -> Tensor:
    """The tensor repeated ``repeats[i]`` times along dimension i. Additional dimensions come first.

    Raises:
        ShapeError: fewer repeats than dimensions, or negative ones.

    >>> import cnn_physics77 as torch
    >>> torch.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    repeats = sizes_of("repeat", (repeats,))
    shape = self.array.shape
    new = len(repeats) - len(shape)
    if new < 0:
        raise ShapeError(
            "repeat: number of dimensions of repeat dims can not be smaller than number of dimensions of "
            f"tensor, found {repeats} for shape {shape}"
        )
    if any(n < 0 for n in repeats):
        raise ShapeError(f"repeat: expected non-negative repeats, found {repeats}")
    shape = (1,) * new + shape
    # (n, ...) -> (1, n, ...) -> (times, n, ...) -> (times n, ...): each step is an operation
    ones = tuple(size for n in shape for size in (1, n))
    full = tuple(size for times, n in zip(repeats, shape) for size in (times, n))
    repeated = reshape(
        expand_to(reshape(self, ones), full), tuple(times * n for times, n in zip(repeats, shape))
    )
    return clone(repeated, memory_format=contiguous_format) if is_view(repeated.array) else repeated


def tile(input: Tensor, dims) -> Tensor:
    """The tensor repeated ``dims[i]`` times along dimension i, counted from the last dimension.

    >>> import cnn_physics77 as torch
    >>> torch.tile(torch.tensor([[1], [2]]), (2,))
    tensor([[1, 1],
            [2, 2]])
    """
    dims = sizes_of("tile", (dims,))
    return _repeat(input, (1,) * (input.array.ndim - len(dims)) + dims)


method("tile")(variadic(tile))


__all__ = ["flip", "fliplr", "flipud", "roll", "rot90", "tile"]
