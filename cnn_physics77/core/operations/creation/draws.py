"""Samples from distributions, as arrays. Rounding to the dtype never reaches an excluded bound."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import ArgumentError, DtypeError
from cnn_physics77.core.kernels.runtime.layout import memory_axes
from cnn_physics77.core.operations.base.views import base_of
from cnn_physics77.core.operations.indexing.clone import is_asked_for
from cnn_physics77.core.random import Generator, default_generator
from cnn_physics77.core.random.numbers import Numbers
from cnn_physics77.core.tensor import Tensor


def numbers_of(generator: Generator | None) -> Numbers:
    return (default_generator if generator is None else generator).numpy


def in_order_of(array: np.ndarray, draw: Callable[[tuple[int, ...]], np.ndarray]) -> np.ndarray:
    """``draw(shape)`` for the shape of an array, in the order of its memory: so PyTorch fills a tensor."""
    axes = memory_axes(array)
    drawn = draw(tuple(array.shape[axis] for axis in axes))
    return drawn.transpose([axes.index(axis) for axis in range(array.ndim)])


def laid_out(tensor: Tensor) -> np.ndarray:
    """An array of the tensor's shape, in the order that its memory has in PyTorch.

    Kernels here may put the channels of images last, and what is computed of their results keeps this order;
    PyTorch's results of the same images have the order of the dimensions. An array does not tell whose order
    it has. Memory with the channels last that is no view of other memory is taken for a kernel's, unless a
    memory format asked for it. So all is drawn in PyTorch's order in programs whose images have the order of
    the dimensions, and for views and tensors that the user permuted.

    In another order than PyTorch's are drawn the numbers for what is computed of images or sequences whose
    channels the user put last, such as ``relu(x.transpose(1, 2))``, ``x.permute(0, 3, 1, 2).float()`` or
    ``conv2d(x.to(memory_format=torch.channels_last), weight)``; for what such a tensor's ``detach()`` or
    ``clone()`` returns; and for ``conv2d(x, weight).flatten(2).transpose(1, 2) + y``, a new tensor that has a
    permuted order in PyTorch only; and for expanded views with dimensions of size 1, of which NumPy does not
    keep the strides. ``contiguous()`` before the draw makes the orders equal.
    """
    owner = base_of(tensor)
    x, base = tensor.array, owner.array
    if base.ndim < 3 or is_asked_for(owner):
        return x
    axes = [axis for axis in memory_axes(base) if base.shape[axis] > 1]
    if axes != [axis for axis in (0, *range(2, base.ndim), 1) if base.shape[axis] > 1]:
        return x
    if x is base:
        return np.empty(x.shape, np.bool_)
    of_base = {base.strides[axis]: axis for axis in sorted(axes)}
    if any(n > 1 and stride not in of_base for n, stride in zip(x.shape, x.strides)):
        return x
    longer = (axis for axis in range(x.ndim) if x.shape[axis] > 1)
    ordered = iter(sorted(longer, key=lambda axis: of_base[x.strides[axis]]))
    axes = [next(ordered) if n > 1 else axis for axis, n in enumerate(x.shape)]
    y = np.empty([x.shape[axis] for axis in axes], np.bool_)
    return y.transpose([axes.index(axis) for axis in range(x.ndim)])


@silent
def uniform(numbers: Numbers, shape, dtype: np.dtype, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Uniform on [low, high), in the precision of the dtype; what is rounded to ``high`` becomes ``low``.

    For a complex dtype both parts are drawn.
    """
    if dtype.kind == "c":
        parts = uniform(numbers, (*shape, 2), np.zeros((), dtype).real.dtype, low, high)
        return parts.view(dtype)[..., 0]
    kind = dtype.type if dtype.itemsize > 2 else np.float32
    drawn = as_array(numbers.random(shape, dtype=kind))
    if (low, high) != (0.0, 1.0):
        drawn = drawn * (kind(high) - kind(low)) + kind(low)
    elif dtype.itemsize > 2:
        return drawn
    drawn = as_array(drawn).astype(dtype, copy=False)
    return np.where(drawn < dtype.type(high), drawn, dtype.type(low))


def normal(
    numbers: Numbers, shape, dtype: np.dtype, mean=0.0, std=1.0, contiguous: bool = True
) -> np.ndarray:
    """Normal with this mean and standard deviation. For a complex dtype either part has half of the variance,
    and a mean that is a number, as PyTorch has it.

    contiguous: as PyTorch draws for contiguous memory, else one after another.
    """
    given = isinstance(mean, int | float) and isinstance(std, int | float)
    if dtype.kind == "c":
        real = np.zeros((), dtype).real.dtype
        of_parts = (mean, std) if given else (0.0, 1.0)
        parts = normal(
            numbers, (*shape, 2), real, of_parts[0], of_parts[1] * math.sqrt(0.5), contiguous=contiguous
        )
        drawn = parts.view(dtype)[..., 0]
        if given:
            return drawn
    else:
        draw = numbers.standard_normal if contiguous else numbers.normal_one_by_one
        drawn = as_array(draw(tuple(shape), dtype=dtype))
    plain = given and (mean, std) == (0, 1)
    return drawn.astype(dtype, copy=False) if plain else affine(drawn, std, mean, dtype)


def normal_like(
    numbers: Numbers, array: np.ndarray, dtype: np.dtype, mean=0.0, std=1.0, anew: bool = False
) -> np.ndarray:
    """Normal numbers for this array, or for a new one of its shape and order, which has no gaps."""
    contiguous = memory_axes(array) == list(range(array.ndim)) if anew else array.flags.c_contiguous
    return in_order_of(array, lambda shape: normal(numbers, shape, dtype, mean, std, contiguous))


def _inwards(low: int, high: int, dtype: np.dtype) -> tuple[int, int]:
    """Bounds of integers that are still in [low, high) once they are rounded to a floating dtype."""

    def spacing(number: int) -> int:
        return 2 ** max(abs(number).bit_length() - np.finfo(dtype).nmant - 1, 0)

    if (rounded := int(dtype.type(high - 1))) >= high:
        high = rounded - spacing(high - 1)
    if (rounded := int(dtype.type(low + 1))) < low:
        low = rounded + spacing(low + 1)
    return low, high


def integers(function: str, numbers: Numbers, low: int, high: int, shape, dtype: np.dtype) -> np.ndarray:
    """Integers from low to high (exclusive), in a dtype whose range contains them."""
    if dtype.kind == "c":
        raise DtypeError(f"{function}: expected a real dtype, found torch.{dtype}")
    if dtype.kind == "f":
        least, most = -largest(dtype), largest(dtype)
    else:
        least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if low < least or high - 1 > most:
        raise ArgumentError(
            f"{function}: from and to - 1 must not be out of bounds for torch.{dtype}, [{least}, {most}], "
            f"found {low} and {high}; give another dtype"
        )
    if dtype.kind == "f":
        first, end = _inwards(low, high, dtype)
        if not first < end:
            raise ArgumentError(
                f"{function}: expected integers from {low} to {high} (exclusive) in torch.{dtype}, found "
                "none; give another dtype"
            )
        low, high = first, end
    return as_array(numbers.integers(low, high, shape)).astype(dtype, copy=False)


@silent
def indices(numbers: np.random.Generator, weights: np.ndarray, count: int, replacement: bool) -> np.ndarray:
    """Indices with probabilities proportional to the weights of their row, int64: (m, n) -> (m, count). They
    are computed in the precision of the weights."""
    if replacement and count > 1:
        edges = np.cumsum(weights, axis=1)
        edges /= edges[:, -1:]
        drawn = [np.searchsorted(row, numbers.random(count)) for row in edges]
        possible = [np.flatnonzero(row)[[0, -1]] for row in weights]  # rounding may reach those of no weight
        return np.stack([np.clip(d, *ends) for d, ends in zip(drawn, possible)]).astype(np.int64)
    # the first arrivals of Poisson processes: the largest values of weight / Exp(1)
    between = in_order_of(weights, numbers.standard_exponential).astype(weights.dtype)
    return np.argsort(-weights / between, axis=1, kind="stable")[:, :count].astype(np.int64)


def largest(dtype: np.dtype) -> float:
    return float(np.finfo(dtype).max)


@silent
def affine(drawn: np.ndarray, factor, shift, dtype: np.dtype) -> np.ndarray:
    """drawn * factor + shift in the precision of the dtype, float16 in float32."""
    wide = np.dtype(np.float32) if dtype.itemsize == 2 else dtype
    factor, shift = (as_array(number).astype(wide) for number in (factor, shift))
    return as_array(drawn.astype(wide, copy=False) * factor + shift).astype(dtype, copy=False)
