"""Random numbers by rejection, one after another: gamma, Poisson and binomial, as PyTorch draws them.

How many uniform numbers a sample takes depends on these, so samples cannot be made as arrays: one takes some
microseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

_THIRD, _SQUEEZE = float(np.float32(1 / 3)), float(np.float32(0.0331))  # PyTorch's constants are single


class Supply:
    """Uniform and normal numbers of a generator, in double precision, one at a time.

    Within the context many are drawn ahead; at its end those that were not taken are given back.
    """

    def __init__(self, numbers: Any, ahead: int) -> None:
        self._numbers, self._ahead = numbers, max(ahead, 16)

    def __enter__(self) -> Supply:
        bits = self._numbers.bit_generator
        bits.lock.acquire()
        self._start, self._taken = bits.state, 0
        self._drawn: Any = iter(())
        return self

    def __exit__(self, *raised: object) -> None:
        bits = self._numbers.bit_generator
        bits.state = self._start
        self._numbers.words(2 * self._taken)
        bits.lock.release()

    def uniform(self) -> float:
        """A number on [0, 1)."""
        self._taken += 1
        for number in self._drawn:
            return number
        self._drawn = iter(self._numbers.random(self._ahead).tolist())
        return next(self._drawn)

    def normal(self) -> float:
        """A number of mean 0 and variance 1."""
        held = self._numbers.second
        if held is not None:
            self._numbers.second = None
            return held
        angle = 2 * math.pi * self.uniform()
        radius = math.sqrt(-2 * math.log1p(-self.uniform()))
        self._numbers.second = radius * math.sin(angle)
        return radius * math.cos(angle)


def samples(numbers: Any, sample: Callable[..., float], dtype: Any, size: Any, *parameters: Any) -> Any:
    """``sample(supply, *parameters)`` for parameters that broadcast, or of shape ``size``."""
    arrays = np.broadcast_arrays(*(np.asarray(p, np.float64) for p in parameters))
    shape = arrays[0].shape if size is None else tuple(np.atleast_1d(size))
    lists = [np.broadcast_to(array, shape).ravel().tolist() for array in arrays]
    with Supply(numbers, 4 * len(lists[0])) as supply:
        drawn = [sample(supply, *each) for each in zip(*lists)]
    return np.array(drawn, dtype).reshape(shape)


def gamma(supply: Supply, alpha: float) -> float:
    """Of shape α and rate 1 (G. Marsaglia and W. W. Tsang, ACM TOMS 26, 2000)."""
    if math.isnan(alpha):
        return alpha
    scale = 1.0
    if alpha < 1:
        if alpha == 0:
            return 0.0
        scale = (1 - supply.uniform()) ** (1 / alpha)
        alpha += 1
    d = alpha - _THIRD
    c = 1 / math.sqrt(9 * d)
    while True:
        x = supply.normal()
        if 1 + c * x <= 0:
            continue
        v = (1 + c * x) ** 3
        u = 1 - supply.uniform()
        if u < 1 - _SQUEEZE * x**4 or math.log(u) < 0.5 * x * x + d * (1 - v + math.log(v)):
            return scale * d * v


def poisson(supply: Supply, rate: float) -> float:
    """Below a rate of 10 by a product of uniform numbers, else by W. Hörmann's PTRS (Insurance: Mathematics
    and Economics 12, 1993)."""
    if rate == 0:
        return 0
    if rate < 10:
        least, product, count = math.exp(-rate), supply.uniform(), 0
        while product > least:
            product *= supply.uniform()
            count += 1
        return count
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    while True:
        u, v = supply.uniform() - 0.5, supply.uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43) if us else -1
        if us >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        logarithm = _log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if logarithm <= k * math.log(rate) - rate - math.lgamma(k + 1):
            return k


def binomial(supply: Supply, count: float, p: float) -> float:
    """Below 10 expected successes (or failures, if these are fewer) by the waiting times between them, else
    by W. Hörmann's BTRS (Journal of Statistical Computation and Simulation 46, 1993)."""
    if math.isnan(p):
        return p
    if count <= 0 or p <= 0:
        return 0
    if p >= 1:
        return count
    if p > 0.5:
        return count - binomial(supply, count, 1 - p)
    if count * p < 10:
        return _by_waiting(supply, count, p)
    deviation = math.sqrt(count * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    r, m = p / (1 - p), math.floor((count + 1) * p)
    alpha = (2.83 + 5.1 / b) * deviation
    while True:
        u, v = supply.uniform() - 0.5, supply.uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + count * p + 0.5) if us else -1
        if us >= 0.07 and v <= 0.92 - 4.2 / b:
            return k
        if not 0 <= k <= count:
            continue
        bound = (
            (m + 0.5) * math.log((m + 1) / (r * (count - m + 1)))
            + (count + 1) * math.log((count - m + 1) / (count - k + 1))
            + (k + 0.5) * math.log(r * (count - k + 1) / (k + 1))
            + _stirling_rest(m)
            + _stirling_rest(count - m)
            - _stirling_rest(k)
            - _stirling_rest(count - k)
        )
        if _log(v * alpha / (a / (us * us) + b)) <= bound:
            return k


def _by_waiting(supply: Supply, count: float, p: float) -> int:
    successes, trials, logarithm = 0, 0.0, math.log1p(-p)
    while True:
        trials += math.ceil(_log(supply.uniform()) / logarithm) if logarithm else math.inf
        if trials > count:
            return successes
        successes += 1


def _stirling_rest(k: float) -> float:
    """log k! less Stirling's formula for it, (k + 1/2) log(k + 1) - (k + 1) + log(2 π) / 2."""
    if k < 10:
        return math.lgamma(k + 1) - (k + 0.5) * math.log(k + 1) + (k + 1) - 0.5 * math.log(2 * math.pi)
    n = k + 1
    return (1 / 12 - (1 / 360 - 1 / 1260 / (n * n)) / (n * n)) / n


def _log(x: float) -> float:
    return math.log(x) if x else -math.inf
