"""Activation functions that are faster with a kernel of their own.

x is floating, of any shape and memory order; results have its shape, dtype and order.
"""

from functools import partial
from math import pi, sqrt

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.kernels.elementwise import elementwise, polynomial, temporary
from cnn_physics77.core.kernels.error_function import erf, erf_block, erfc
from cnn_physics77.core.kernels.half import rounded_once

__all__ = [
    "erf",
    "erfc",
    "gelu",
    "gelu_gradient",
    "log_sigmoid",
    "relu",
    "relu_gradient",
    "sigmoid",
    "silu",
    "silu_gradient",
    "softplus",
    "softplus_gradient",
]


def relu(x: np.ndarray, in_place: bool = False) -> np.ndarray:
    """max(x, 0). NaN stays NaN. With ``in_place`` the result overwrites x, if x is dense.

    >>> relu(np.array([-1.0, 0.0, 2.0, np.nan]))
    array([ 0.,  0.,  2., nan])
    """
    return elementwise(_relu, 0.15, x, in_place=in_place)


def _relu(x, out):
    if x.dtype == np.float16:
        _relu_half(x, out)
        return
    # np.maximum with a scalar takes four times as long as np.clip; with an array of zeros, 1.25 times as long
    np.clip(x, x.dtype.type(0), x.dtype.type(np.inf), out=out)


def _relu_half(x, out):
    """On the bits, as NumPy compares float16 one by one. As integers the numbers below 0 are those from the
    least one, which is -0.0 and stays, up to -inf; NaN with a sign lie above."""
    bits = x.view(np.int16)
    mask, zero = (temporary(name, x, np.int8) for name in ("mask", "zero"))
    np.greater(bits, _MINUS_INFINITY, out=mask.view(bool))
    np.equal(bits, _MINUS_ZERO, out=zero.view(bool))
    np.negative(np.bitwise_or(mask, zero, out=mask), out=mask)  # all bits set where x stays
    np.bitwise_and(bits, mask, out=out.view(np.int16))


_MINUS_INFINITY, _MINUS_ZERO = np.array([-np.inf, -0.0], np.float16).view(np.int16)


def relu_gradient(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """g, or 0 where the output y = relu(x) is <= 0. The derivative at 0 is 0, and at NaN it is 1.

    >>> relu_gradient(np.array([5.0, 6.0, 7.0]), np.array([0.0, 2.0, np.nan]))
    array([0., 6., 7.])
    """
    return elementwise(_relu_gradient, 0.5, y, g)


def _relu_gradient(y, g, out):
    mask = temporary("mask", y, np.int8)
    np.less_equal(y, 0, out=mask.view(bool))
    np.subtract(mask, 1, out=mask)  # all bits set where g passes
    integer = f"i{g.itemsize}"
    np.bitwise_and(g.view(integer), mask, out=out.view(integer))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)). Its gradient is g y (1 - y).

    >>> sigmoid(np.array([-np.inf, 0.0, 800.0]))
    array([0. , 0.5, 1. ])
    """
    if x.dtype == np.float16:
        return rounded_once(sigmoid, x)
    return elementwise(_sigmoid, 1.0, x)


@silent
def _sigmoid(x, out):
    np.exp(np.negative(x, out=out), out=out)
    np.add(out, 1, out=out)
    np.reciprocal(out, out=out)


def silu(x: np.ndarray) -> np.ndarray:
    """x sigmoid(x) (Elfwing et al. 2017, arXiv 1702.03118), also called swish.

    >>> silu(np.array([0.0, 100.0]))
    array([  0., 100.])
    """
    return elementwise(_silu, 1.2, x)


@silent
def _silu(x, out):
    np.exp(np.negative(x, out=out), out=out)
    np.add(out, 1, out=out)
    np.divide(x, out, out=out)


def silu_gradient(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """g s (1 + x (1 - s)), s = sigmoid(x).

    >>> silu_gradient(np.array([2.0]), np.array([0.0]))
    array([1.])
    """
    return elementwise(_silu_gradient, 2.0, x, g)


@silent
def _silu_gradient(x, g, out):
    s = temporary("s", x)
    _sigmoid(x, s)
    np.subtract(1, s, out=out)
    np.multiply(out, x, out=out)
    np.add(out, 1, out=out)
    np.multiply(out, s, out=out)
    np.multiply(out, g, out=out)


def softplus(x: np.ndarray, beta: float = 1.0, threshold: float = 20.0) -> np.ndarray:
    """log(1 + exp(beta x)) / beta, or x where beta x > threshold.

    >>> softplus(np.array([0.0, 30.0])).round(4)
    array([ 0.6931, 30.    ])
    """
    return elementwise(partial(_softplus, beta=beta, threshold=threshold), 2.0, x)


def _softplus(x, out, beta, threshold):
    scaled = x if beta == 1 else np.multiply(x, beta, out=temporary("scaled", x))
    t = np.exp(np.clip(scaled, None, threshold, out=temporary("t", x)), out=temporary("t", x))
    _log1p(t)
    if beta != 1:
        np.divide(t, beta, out=t)
    if scaled.size and not np.maximum.reduce(scaled) <= threshold:
        t[...] = np.where(scaled > threshold, x, t)
    np.copyto(out, t)


def _log1p(t):
    """t <- log(1 + t), t >= 0, in place: log(u) - ((u - 1) - t) / u with u = 1 + t rounded.

    np.log1p is several times slower than these passes, as it is not vectorized.
    """
    u = np.add(t, 1, out=temporary("u", t))
    error = np.subtract(u, 1, out=temporary("error", t))
    np.subtract(error, t, out=error)
    np.divide(error, u, out=error)
    np.subtract(np.log(u, out=u), error, out=t)


def softplus_gradient(g: np.ndarray, x: np.ndarray, beta: float = 1.0, threshold: float = 20.0) -> np.ndarray:
    """g sigmoid(beta x), or g where beta x > threshold.

    >>> softplus_gradient(np.array([2.0, 2.0]), np.array([0.0, 30.0]))
    array([1., 2.])
    """
    return elementwise(partial(_softplus_gradient, beta=beta, threshold=threshold), 1.5, x, g)


def _softplus_gradient(x, g, out, beta, threshold):
    scaled = x if beta == 1 else np.multiply(x, beta, out=temporary("scaled", x))
    _sigmoid(scaled, out)
    np.multiply(out, g, out=out)
    if scaled.size and not np.maximum.reduce(scaled) <= threshold:
        out[...] = np.where(scaled > threshold, g, out)


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    """log(1 / (1 + exp(-x))) = min(x, 0) - log(1 + exp(-|x|)). Its gradient is g sigmoid(-x).

    >>> log_sigmoid(np.array([-1000.0, 0.0])).round(4)
    array([-1.000e+03, -6.931e-01])
    """
    return elementwise(_log_sigmoid, 2.0, x)


def _log_sigmoid(x, out):
    t = np.abs(x, out=temporary("t", x))
    _log1p(np.exp(np.negative(t, out=t), out=t))
    np.clip(x, None, 0, out=out)
    np.subtract(out, t, out=out)


def gelu(x: np.ndarray, approximate: str = "none") -> np.ndarray:
    """x Phi(x), Phi(x) = (1 + erf(x / sqrt(2))) / 2 (Hendrycks and Gimpel 2016, arXiv 1606.08415).

    With ``approximate`` "tanh" it is x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.

    >>> gelu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    return elementwise(_gelu_tanh if approximate == "tanh" else _gelu, 6.0, x)


def gelu_gradient(g: np.ndarray, x: np.ndarray, approximate: str = "none") -> np.ndarray:
    """g (Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi)), or g times the derivative of the form with tanh.

    >>> gelu_gradient(np.array([1.0]), np.array([0.0]))
    array([0.5])
    """
    return elementwise(_gelu_tanh_gradient if approximate == "tanh" else _gelu_gradient, 8.0, x, g)


@silent
def _gelu(x, out):
    _normal_distribution(x, out)
    np.multiply(out, x, out=out)


def _normal_distribution(x, out):
    """Phi(x)."""
    np.multiply(x, sqrt(0.5), out=out)
    erf_block(out, out)
    np.add(out, 1, out=out)
    np.multiply(out, 0.5, out=out)


# In float32 exp(x^2 / 2) Phi(-|x|) is t times a polynomial of t = 1 / (1 + p |x|) (Hastings 1955), fitted
# for this module with a relative error of 3e-8 about 0, which grows to 2e-6 where Phi is 3e-7. The derivative
# needs exp(-x^2 / 2) anyway, so this takes fewer passes than the error function.
_TAIL_SCALE = 0.33
_TAIL = (
    0.1327088956859419,
    0.11877961257000069,
    0.18305135366404193,
    -0.09246420645347199,
    0.33395476709553584,
    -0.22178974521520795,
    0.0457593070578995,
)


def _normal_distribution_single(x, exponential, out):
    """Phi(x) = 1/2 + sign(x) (1/2 - Phi(-|x|)), where exponential = exp(-x^2 / 2)."""
    t = np.multiply(np.abs(x, out=temporary("tail.t", x)), _TAIL_SCALE, out=temporary("tail.t", x))
    np.reciprocal(np.add(t, 1, out=t), out=t)
    np.multiply(polynomial(_TAIL, t, out), t, out=out)
    np.multiply(out, exponential, out=out)
    np.copysign(np.subtract(0.5, out, out=out), x, out=out)
    np.add(out, 0.5, out=out)


@silent
def _gelu_gradient(x, g, out):
    t = np.multiply(x, x, out=temporary("t", x))
    np.exp(np.multiply(t, -0.5, out=t), out=t)
    if x.dtype == np.float32:
        _normal_distribution_single(x, t, out)
    else:
        _normal_distribution(x, out)
    np.multiply(t, x, out=t)
    np.multiply(t, 1 / sqrt(2 * pi), out=t)
    np.add(out, t, out=out)
    np.multiply(out, g, out=out)


# (1 + tanh u) / 2 = 1 / (1 + exp(-2 u)), which is accurate also where it is small; u = k (x + c x^3)
_TWO_K, _TWO_K_C = 2 * sqrt(2 / pi), 2 * sqrt(2 / pi) * 0.044715


def _exp_minus_two_u(square, x, out):
    np.multiply(square, -_TWO_K_C, out=out)
    np.subtract(out, _TWO_K, out=out)
    np.multiply(out, x, out=out)
    np.exp(out, out=out)


@silent
def _gelu_tanh(x, out):
    _exp_minus_two_u(np.multiply(x, x, out=out), x, out)
    np.add(out, 1, out=out)
    np.divide(x, out, out=out)


@silent
def _gelu_tanh_gradient(x, g, out):
    # s = 1 / (1 + exp(-2 u)):   y' = s (1 + x (1 - s) 2 u'),   u' = k (1 + 3 c x^2)
    square = np.multiply(x, x, out=temporary("square", x))
    s = temporary("s", x)
    _exp_minus_two_u(square, x, s)
    np.add(s, 1, out=s)
    np.reciprocal(s, out=s)
    np.multiply(square, 3 * _TWO_K_C, out=square)
    np.add(square, _TWO_K, out=square)
    np.multiply(square, x, out=square)
    np.subtract(1, s, out=out)
    np.multiply(out, square, out=out)
    np.add(out, 1, out=out)
    np.multiply(out, s, out=out)
    np.multiply(out, g, out=out)
