"""What all operations with a mask do first: they replace the elements that the mask leaves out."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import expand_to, expands_to
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.indexing.cast import convert
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array


def full_mask(function: str, input: Tensor, mask) -> Tensor:
    """The mask as booleans of the input's shape.

    Raises:
        ShapeError: it has more dimensions than the input, or does not broadcast to its shape.
    """
    mask = convert(as_tensor_input(function, mask), np.dtype(bool))
    if mask.array.ndim > input.array.ndim:
        raise ShapeError(
            f"{function}: expected a mask of at most {input.array.ndim} dimensions, as the input has, found "
            f"shape {mask.array.shape}"
        )
    if not expands_to(mask.array.shape, input.array.shape):
        raise ShapeError(
            f"{function}: expected a mask that expands to the input's shape {input.array.shape}, found "
            f"{mask.array.shape}"
        )
    return expand_to(mask, input.array.shape)


def filled(function: str, input, mask, value) -> Tensor:
    """The input, with the value where the mask is False.

    Args:
        mask: None is one that selects all elements.
        value: a number.
    """
    input = as_tensor_input(function, input)
    if mask is None:
        return input
    value = from_array(np.asarray(value, input.array.dtype))
    return where(full_mask(function, input, mask), input, value)


def lowest(function: str, input) -> float:
    """What is never a maximum: -inf, or the least integer.

    Raises:
        DtypeError: the numbers are complex.
    """
    return _extreme(function, input, -np.inf)


def highest(function: str, input) -> float:
    """What is never a minimum: inf, or the largest integer; see :func:`lowest`."""
    return _extreme(function, input, np.inf)


def _extreme(function: str, input, infinite: float) -> float:
    dtype = as_tensor_input(function, input).array.dtype
    if dtype.kind == "c":
        raise DtypeError(f"{function}: expected real numbers, found {dtype}, which have no order")
    if dtype.kind == "f":
        return infinite
    if dtype.kind == "b":
        return infinite > 0
    return np.iinfo(dtype).max if infinite > 0 else np.iinfo(dtype).min
