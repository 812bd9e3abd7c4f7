"""Whole quotients and remainders of float32 numbers, by way of float64.

The C library finds a remainder bit by bit. A quotient of two float32 numbers that is not whole differs from a
whole one by at least 2^-24, as their digits are whole numbers below 2^24. So float64 does not round it to a
whole one if it is less than 2^29, and the product of its whole part with the divisor has at most 53 bits: it
and the remainder are exact.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.kernels.elementwise import elementwise, temporary
from cnn_physics77.core.kernels.runtime.one_call import one_call

SMALL = 1 << 12
"""Fewer elements are left to NumPy."""


def floor_divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """floor(a / b), as numpy.floor_divide.

    >>> floor_divide(np.array([7.0, -7.0]), np.array(2.0))
    array([ 3., -4.])
    """
    return np.floor_divide(a, b) if a.size < SMALL else _computed(_floor_divide, np.floor_divide, a, b)


def fmod(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a - b trunc(a / b), as numpy.fmod.

    >>> fmod(np.array([7.0, -7.0]), np.array(2.0))
    array([ 1., -1.])
    """
    return np.fmod(a, b) if a.size < SMALL else _computed(_fmod, np.fmod, a, b)


def remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a - b floor(a / b). A zero has the sign of a as in PyTorch, not that of b as in NumPy.

    >>> remainder(np.array([7.0, -7.0, -4.0]), np.array(2.0))
    array([ 1.,  1., -0.])
    """
    return _plain_remainder(a, b) if a.size < SMALL else _computed(_remainder, _plain_remainder, a, b)


def _plain_remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    y = np.remainder(a, b)
    return np.where(y == 0, np.copysign(y, a), y) if y.dtype.kind == "f" else y


def _computed(block: Callable, plain: Callable, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    suits = a.dtype == b.dtype == np.float32 and (b.shape == a.shape or not b.ndim)
    return _in_blocks(block, plain, a, b) if suits else plain(a, b)


@one_call
def _in_blocks(block: Callable, plain: Callable, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``block`` reports whether its quotients are small enough; ``plain`` computes it otherwise."""

    def run(a, b, out):
        if not block(a, b, out):
            out[...] = plain(a, b)

    if b.ndim:
        return elementwise(run, 3.0, a, b)
    return elementwise(lambda a, out: run(a, b, out), 3.0, a)


def _quotient(rounded: np.ufunc, a, b, limit: float) -> np.ndarray | None:
    q = np.divide(a, b, out=temporary("quotient", a, np.float64), dtype=np.float64)
    rounded(q, out=q)
    small = q.min(initial=0) > -limit and q.max(initial=0) < limit and np.isfinite(b).all()
    return q if small else None


def _floor_divide(a, b, out) -> bool:
    q = _quotient(np.floor, a, b, 2**24)  # a greater one would have to be rounded as NumPy does it
    if q is None:
        return False
    out[...] = q
    return True


def _rest(rounded: np.ufunc, a, b) -> np.ndarray | None:
    q = _quotient(rounded, a, b, 2**29)
    return None if q is None else np.subtract(a, np.multiply(q, b, out=q), out=q)


def _fmod(a, b, out) -> bool:
    rest = _rest(np.trunc, a, b)
    if rest is None:
        return False
    out[...] = rest
    np.copysign(out, a, out=out)
    return True


def _remainder(a, b, out) -> bool:
    rest = _rest(np.floor, a, b)
    if rest is None:
        return False
    out[...] = rest
    np.copysign(out, a, out=out, where=out == 0)
    return True
