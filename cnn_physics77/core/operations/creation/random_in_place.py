"""Random numbers written over a tensor: uniform, normal, of Bernoulli trials, exponential, integers."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.errors import ArgumentError, DtypeError
from cnn_physics77.core.operations.base.inplace_base import apply_inplace
from cnn_physics77.core.operations.creation.draws import (
    in_order_of,
    integers,
    largest,
    normal_like,
    numbers_of,
    uniform,
)
from cnn_physics77.core.operations.creation.random_sampling import _drawn, drawable, successes
from cnn_physics77.core.random import Generator
from cnn_physics77.core.random.numbers import Numbers
from cnn_physics77.core.tensor import Tensor, method


def refilled(function: str, tensor: Tensor, values: np.ndarray) -> Tensor:
    """The tensor, overwritten with the values. The gradient of its old values is 0."""
    values = values.astype(tensor.array.dtype, copy=False)
    return apply_inplace(function, tensor, lambda old: _drawn(old, values=values))


def _numbers(*given) -> list:
    """Numbers, which may come as tensors without dimensions."""
    return [value.item() if isinstance(value, Tensor) else value for value in given]


@method("uniform_")
def _uniform_(self: Tensor, *bounds: float, generator: Generator | None = None, **named: float) -> Tensor:
    """Overwrite with uniform numbers on [from, to): ``uniform_(from=0, to=1)``."""
    unknown = set(named) - {"from", "to"}
    if unknown or len(bounds) + len(named) > 2:
        raise TypeError(
            f"uniform_: expected uniform_(from, to, generator=...), found {bounds} and {sorted(named)}"
        )
    low = bounds[0] if bounds else named.get("from", 0.0)
    high = bounds[1] if len(bounds) > 1 else named.get("to", 1.0)
    low, high = _numbers(low, high)
    if not low <= high:
        raise ArgumentError(f"uniform_: expected from <= to, found {low} and {high}")
    dtype = drawable("uniform_", self.array.dtype)
    most = largest(dtype)
    if not (-most <= low and high <= most and high - low <= most):
        raise ArgumentError(
            f"uniform_: expected bounds and a difference of at most {most}, the largest number of "
            f"torch.{dtype}, found {low} and {high}"
        )
    values = in_order_of(
        self.array, lambda shape: uniform(numbers_of(generator), shape, dtype, float(low), float(high))
    )
    return refilled("uniform_", self, values)


@method("normal_")
def _normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with numbers from N(mean, std²)."""
    mean, std = _numbers(mean, std)
    if std < 0:
        raise ArgumentError(f"normal_: expected a non-negative standard deviation, found {std}")
    dtype = drawable("normal_", self.array.dtype)
    return refilled("normal_", self, normal_like(numbers_of(generator), self.array, dtype, mean, std))


@method("bernoulli_")
def _bernoulli_(self: Tensor, p=0.5, *, generator: Generator | None = None) -> Tensor:
    """Overwrite each element with 1 with probability p (a number or a tensor), else with 0."""
    probability = p.array if isinstance(p, Tensor) else np.asarray(p)
    if not np.all((probability >= 0) & (probability <= 1)):
        raise ArgumentError("bernoulli_: expected probabilities 0 <= p <= 1, found others")
    return refilled("bernoulli_", self, successes(probability, self.array, generator))


@method("exponential_")
def _exponential_(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with positive, finite numbers from the exponential distribution of rate ``lambd``."""
    dtype = self.array.dtype
    if dtype.kind != "f":
        raise DtypeError(
            "exponential_: Exponential distribution is a continuous probability distribution. dtype must be "
            f"a floating point but you specified torch.{dtype}; use a floating tensor"
        )
    if not lambd > 0:
        raise ArgumentError(f"exponential_: expected a positive rate, found {lambd}")
    numbers = numbers_of(generator)
    values = as_array(in_order_of(self.array, numbers.standard_exponential)) / lambd
    if lambd < math.inf:
        values = np.clip(values, float(np.finfo(dtype).smallest_subnormal), largest(dtype))
    return refilled("exponential_", self, values)


@method("random_")
def _random_(
    self: Tensor, *bounds: int | None, generator: Generator | None = None, **named: int | None
) -> Tensor:
    """Overwrite with integers from ``from`` to ``to`` (exclusive): ``random_(to)`` or ``random_(from, to)``.

    By default ``from`` is 0, and ``to`` beyond the last integer that the dtype represents exactly.
    """
    given = dict(zip(("to",) if len(bounds) == 1 and not named else ("from", "to"), bounds)) | named
    if len(given) < len(bounds) + len(named) or not given.keys() <= {"from", "to"}:
        raise TypeError(
            f"random_: expected random_(from, to, generator=...), found {bounds} and {sorted(named)}"
        )
    dtype = self.array.dtype
    numbers = numbers_of(generator)
    low, to = given.get("from"), given.get("to")
    if low is None and to is None:
        draw = partial(_any, numbers, dtype)
    else:
        low, to = _numbers(0 if low is None else low, _most(dtype) + 1 if to is None else to)
        if not low < to:
            raise ArgumentError(f"random_: expected from < to, found {low} and {to}")
        draw = partial(integers, "random_", numbers, low, to, dtype=dtype)
    return refilled("random_", self, in_order_of(self.array, lambda shape: draw(shape=shape)))


def _most(dtype: np.dtype) -> int:
    """The last integer up to which a dtype represents all; 2^m for a significand of m bits."""
    if dtype.kind in "fc":
        return 2 ** (np.finfo(dtype).nmant + 1)
    return 1 if dtype.kind == "b" else min(int(np.iinfo(dtype).max), 2**63 - 1)


def _any(numbers: Numbers, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Integers up to the last, those of 64 bits from long words, the others from words."""
    words = (numbers.long_words if dtype.itemsize == 8 else numbers.words)(math.prod(shape))
    return as_array(words % words.dtype.type(_most(dtype) + 1)).reshape(shape).astype(dtype)
