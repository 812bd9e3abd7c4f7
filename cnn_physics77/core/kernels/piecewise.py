"""Piecewise functions as sums of limited pieces, without branches.

x is of real numbers, of any shape and memory order; results have its shape, dtype and order. Each function
has its formula, which is faster for few numbers, and the same in blocks, where ``numpy.clip`` is one pass.

``numpy.clip`` with two numbers returns x where it equals one of them, so -0.0 stays -0.0, as in PyTorch.
Which of 0.0 and -0.0 ``numpy.maximum`` returns depends on the processor.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from cnn_physics77.core.kernels import selection
from cnn_physics77.core.kernels.elementwise import elementwise, temporary

SMALL = 1 << 12
"""Fewer elements are computed by the formula."""


def limited(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """min(max(x, low), high).

    >>> limited(np.array([-2.0, 0.5, 2.0]), -1, 1)
    array([-1. ,  0.5,  1. ])
    """
    low, high = x.dtype.type(low), x.dtype.type(high)
    if x.size < SMALL:
        return x.clip(low, high)
    return elementwise(lambda x, out: np.clip(x, low, high, out=out), 0.15, x)


def leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    """x where x > 0, slope x elsewhere, for a slope above 0: they cross at 0, and both keep its sign.

    >>> leaky_relu(np.array([-1.0, 2.0]), 0.5)
    array([-0.5,  2. ])
    """
    greater_or_lesser = np.maximum if slope <= 1 else np.minimum
    if x.size < SMALL:
        return greater_or_lesser(x, slope * x)

    def block(x, out):
        greater_or_lesser(x, np.multiply(x, slope, out=temporary("sloped", x)), out=out)

    return elementwise(block, 0.3, x)


def elu(x: np.ndarray, alpha: float, scale: float, rate: float) -> np.ndarray:
    """scale alpha (exp(rate x) - 1) where x < 0, scale x elsewhere.

    >>> elu(np.array([-np.inf, 2.0]), 1.5, 1.0, 1.0)
    array([-1.5,  2. ])
    """
    if x.size < SMALL or not 0 <= alpha * rate < np.inf:  # else the pieces, of one sign, can be added
        return selection.where(x < 0, scale * alpha * np.expm1(rate * np.minimum(x, 0)), scale * x)
    return elementwise(partial(_elu, alpha=alpha, scale=scale, rate=rate), 1.0, x)


def _elu(x, out, alpha, scale, rate):
    """The sum of both pieces, of which one is a zero: its sign is that of x, or else it is -0.0, so that it
    changes nothing."""
    below = np.clip(x, -np.inf, 0, out=temporary("below", x))
    np.expm1(below if rate == 1 else np.multiply(below, rate, out=below), out=below)
    if alpha * scale != 1:
        np.multiply(below, alpha * scale, out=below)
    np.clip(x, -0.0, np.inf, out=out)
    if scale != 1:
        np.multiply(out, scale, out=out)
    np.add(out, below, out=out)


def elu_gradient(g: np.ndarray, x: np.ndarray, alpha: float, scale: float, rate: float) -> np.ndarray:
    """g scale alpha rate exp(rate x) where x <= 0, g scale elsewhere.

    >>> elu_gradient(np.array([2.0, 2.0]), np.array([-np.inf, 0.0]), 1.5, 1.0, 1.0)
    array([0., 3.])
    """
    if x.size < SMALL:
        slope = alpha * scale * rate * np.exp(rate * np.fmin(x, 0))
        return g * selection.where(x <= 0, slope, x.dtype.type(scale))
    return elementwise(partial(_elu_gradient, alpha=alpha, scale=scale, rate=rate), 1.0, x, g)


def _elu_gradient(x, g, out, alpha, scale, rate):
    below = np.fmin(x, 0, out=temporary("below", x))  # 0 where x is NaN
    np.exp(below if rate == 1 else np.multiply(below, rate, out=below), out=below)
    slope = alpha * scale * rate
    if slope != 1:
        np.multiply(below, slope, out=below)
    if slope != scale:
        kept = np.less_equal(x, 0, out=temporary("kept", x, bool))
        selection.chosen(below, kept, x.dtype.type(scale), out=below)
    np.multiply(below, g, out=out)


def finite(x: np.ndarray, nan: float, posinf: float | None, neginf: float | None) -> np.ndarray:
    """x with numbers for NaN and the infinities; by default the largest and the least number for these.

    >>> finite(np.array([np.nan, np.inf, -np.inf, 3.0]), 0.0, 7.0, -7.0)
    array([ 0.,  7., -7.,  3.])
    """
    limits = np.finfo(x.dtype)
    least, largest = limits.min, limits.max

    def block(x, out):
        np.clip(x, least, largest, out=out)
        mask = temporary("mask", x, bool)
        for number, value in ((np.inf, posinf), (-np.inf, neginf)):
            if value is not None:
                np.copyto(out, value, casting="same_kind", where=np.equal(x, number, out=mask))
        np.copyto(out, nan, casting="same_kind", where=np.isnan(x, out=mask))

    return elementwise(block, 0.8, x)


def angle(x: np.ndarray) -> np.ndarray:
    """π where x < 0, NaN where x is NaN, 0 elsewhere.

    >>> angle(np.array([-2.0, -0.0, np.nan]))
    array([3.14159265, 0.        ,        nan])
    """
    return elementwise(_angle, 0.8, x)


def _angle(x, out):
    mask = temporary("mask", x, bool)
    np.multiply(np.less(x, 0, out=mask), x.dtype.type(np.pi), out=out)
    np.copyto(out, x, where=np.isnan(x, out=mask))


def hard_sigmoid(x: np.ndarray) -> np.ndarray:
    """min(max(x + 3, 0), 6) / 6.

    >>> hard_sigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    if x.size < SMALL:
        return np.minimum(np.maximum(x + 3, 0), 6) / 6
    return elementwise(_hard_sigmoid, 0.5, x)


def _hard_sigmoid(x, out):
    np.clip(np.add(x, 3, out=out), 0, 6, out=out)
    np.divide(out, 6, out=out)


def hard_swish(x: np.ndarray) -> np.ndarray:
    """x min(max(x + 3, 0), 6) / 6.

    >>> hard_swish(np.array([-4.0, 3.0]))
    array([-0.,  3.])
    """
    if x.size < SMALL:
        return x * np.minimum(np.maximum(x + 3, 0), 6) / 6
    return elementwise(_hard_swish, 0.6, x)


def _hard_swish(x, out):
    six = np.add(x, 3, out=temporary("six", x))
    np.multiply(x, np.clip(six, 0, 6, out=six), out=out)
    np.divide(out, 6, out=out)


def soft_shrink(x: np.ndarray, size: float) -> np.ndarray:
    """x - min(max(x, -size), size). Between the bounds it is 0.0, also for -0.0.

    >>> soft_shrink(np.array([-2.0, 0.3, 3.0]), 1.0)
    array([-1.,  0.,  2.])
    """
    if x.size < SMALL:
        return x - x.clip(-size, size)

    def block(x, out):
        np.subtract(x, np.clip(x, -size, size, out=temporary("inner", x)), out=out)

    return elementwise(block, 0.3, x)


def huber(d: np.ndarray, delta: float) -> np.ndarray:
    """m (|d| - m / 2) with m = min(|d|, delta).

    >>> huber(np.array([1.0, 4.0]), 2.0)
    array([0.5, 6. ])
    """

    if d.size < SMALL:
        least = np.minimum(np.abs(d), delta)
        return least * (np.abs(d) - 0.5 * least)

    def block(d, out):
        size = np.abs(d, out=temporary("size", d))
        least = np.clip(size, None, delta, out=temporary("least", d))
        np.multiply(least, 0.5, out=out)
        np.subtract(size, out, out=out)
        np.multiply(out, least, out=out)

    return elementwise(block, 0.7, d)
