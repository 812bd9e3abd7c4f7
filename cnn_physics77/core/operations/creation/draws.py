"""Samples from distributions, as arrays. Rounding to the dtype never reaches an excluded bound."""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.backend.dtypes import accumulator
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import ArgumentError
from cnn_physics77.core.random import Generator, default_generator


def numbers_of(generator: Generator | None) -> np.random.Generator:
    return (default_generator if generator is None else generator).numpy


def uniform(numbers: np.random.Generator, shape, dtype: np.dtype) -> np.ndarray:
    """Uniform on [0, 1), in the precision of the dtype. For a complex dtype both parts are drawn."""
    if dtype.kind == "c":
        parts = numbers.random((*shape, 2), dtype=np.zeros((), dtype).real.dtype)
        return parts.view(dtype)[..., 0]
    if dtype.itemsize > 2:
        return as_array(numbers.random(shape, dtype=dtype))
    steps = 2.0 ** (np.finfo(dtype).nmant + 1)  # rounding from float32 could give 1
    drawn = np.floor(numbers.random(shape, dtype=np.float32) * np.float32(steps)) / steps
    return as_array(drawn).astype(dtype)


def normal_numbers(numbers: np.random.Generator, shape, dtype: np.dtype) -> np.ndarray:
    """Normal with mean 0 and variance 1. For a complex dtype either part has variance 1/2."""
    if dtype.kind == "c":
        real = np.zeros((), dtype).real.dtype
        parts = numbers.standard_normal((*shape, 2), dtype=real) * real.type(math.sqrt(0.5))
        return parts.view(dtype)[..., 0]
    drawn = numbers.standard_normal(shape, dtype=dtype if dtype.itemsize > 2 else np.float32)
    return as_array(drawn).astype(dtype, copy=False)


@silent
def below(values: np.ndarray, low: float, high: float, dtype: np.dtype) -> np.ndarray:
    """Samples from [low, high), rounded to a dtype. Those that are rounded up to ``high`` become the next
    smaller number, if that is not below ``low``."""
    bound = dtype.type(high)
    return np.minimum(values.astype(dtype, copy=False), np.nextafter(bound, dtype.type(low)))


def integers(
    function: str, numbers: np.random.Generator, low: int, high: int, shape, dtype: np.dtype
) -> np.ndarray:
    """Integers from low to high (exclusive), in a dtype whose range contains them."""
    if dtype.kind in "fc":
        least, most = -largest(dtype), largest(dtype)
    else:
        least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if low < least or high - 1 > most:
        raise ArgumentError(
            f"{function}: from and to - 1 must not be out of bounds for torch.{dtype}, [{least}, {most}], "
            f"found {low} and {high}; give another dtype"
        )
    drawn = as_array(numbers.integers(low, high, shape))
    return below(drawn, low, high, dtype) if dtype.kind == "f" else drawn.astype(dtype, copy=False)


def largest(dtype: np.dtype) -> float:
    return float(np.finfo(dtype).max)


@silent
def affine(drawn: np.ndarray, factor, shift, dtype: np.dtype) -> np.ndarray:
    """drawn * factor + shift, rounded to the dtype."""
    wide = drawn.astype(accumulator(dtype), copy=False)
    return as_array(wide * factor + shift).astype(dtype, copy=False)
