"""Exponentials, logarithms, powers and roots, each with its derivative."""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.backend.conversion import check_fits
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.kernels.elementwise import SMALL, in_pieces
from cnn_physics77.core.operations.base.broadcasting import common_dtype, prepare
from cnn_physics77.core.operations.base.elementwise import binary, of_tensors, unary
from cnn_physics77.core.operations.base.operation import check_tensor_among
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.pointwise.arithmetic import (
    conj,
    mul,
    operator_of,
    reflected_of,
    zero_like,
)
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array, method

LN_2 = float(np.log(2))
LN_10 = float(np.log(10))

exp = unary(
    "exp",
    np.exp,
    """The exponential function: y = eˣ, dy/dx = y; inf where the dtype overflows.

    >>> import cnn_physics77 as torch
    >>> torch.exp(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """,
    x=lambda g, y: g * conj(y),
)

exp2 = unary(
    "exp2",
    np.exp2,
    """The power of two: y = 2ˣ, dy/dx = y ln 2.

    >>> import cnn_physics77 as torch
    >>> torch.exp2(torch.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """,
    x=lambda g, y: g * conj(y * LN_2),
)

expm1 = unary(
    "expm1",
    np.expm1,
    """y = eˣ - 1, exact also for small x; dy/dx = y + 1.

    >>> import cnn_physics77 as torch
    >>> torch.expm1(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.7183])
    """,
    x=lambda g, y: g * conj(y + 1),
)

log = unary(
    "log",
    np.log,
    """The natural logarithm: y = ln x, dy/dx = 1/x; -inf at 0, NaN below.

    >>> import cnn_physics77 as torch
    >>> torch.log(torch.tensor([1.0, 0.0]))
    tensor([0., -inf])
    """,
    x=lambda g, x: g / conj(x),
)

log2 = unary(
    "log2",
    np.log2,
    """The logarithm to base 2: dy/dx = 1 / (x ln 2); -inf at 0, NaN below.

    >>> import cnn_physics77 as torch
    >>> torch.log2(torch.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """,
    x=lambda g, x: g / conj(x * LN_2),
)

log10 = unary(
    "log10",
    np.log10,
    """The logarithm to base 10: dy/dx = 1 / (x ln 10); -inf at 0, NaN below.

    >>> import cnn_physics77 as torch
    >>> torch.log10(torch.tensor([1.0, 1000.0]))
    tensor([0., 3.])
    """,
    x=lambda g, x: g / conj(x * LN_10),
)

log1p = unary(
    "log1p",
    np.log1p,
    """y = ln(1 + x), exact also for small x; dy/dx = 1 / (1 + x); -inf at -1, NaN below.

    >>> import cnn_physics77 as torch
    >>> torch.log1p(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.6931])
    """,
    x=lambda g, x: g / conj(x + 1),
)

sqrt = unary(
    "sqrt",
    np.sqrt,
    """The square root: y = √x, dy/dx = 1 / (2y), inf at 0; NaN below 0.

    >>> import cnn_physics77 as torch
    >>> torch.sqrt(torch.tensor([4.0, 2.0]))
    tensor([2.0000, 1.4142])
    """,
    x=lambda g, y: g / conj(2 * y),
)

rsqrt = unary(
    "rsqrt",
    lambda x: 1 / np.sqrt(x),
    """The reciprocal square root: y = 1/√x, dy/dx = -y³/2; inf at 0, NaN below.

    >>> import cnn_physics77 as torch
    >>> torch.rsqrt(torch.tensor([4.0, 1.0]))
    tensor([0.5000, 1.0000])
    """,
    x=lambda g, y: g * conj(y * y * y * -0.5),
)

square = unary(
    "square",
    lambda x: np.square(x, dtype=np.int64 if x.dtype == bool else None),
    """The square: y = x², dy/dx = 2x. Booleans give int64.

    >>> import cnn_physics77 as torch
    >>> torch.square(torch.tensor([-3.0, 0.5]))
    tensor([9.0000, 0.2500])
    """,
    x=lambda g, x: g * conj(2 * x),
    floating=False,
)

reciprocal = unary(
    "reciprocal",
    lambda x: 1 / x,
    """The reciprocal: y = 1/x, dy/dx = -y². 1/0 is inf, with the sign of the zero.

    >>> import cnn_physics77 as torch
    >>> torch.reciprocal(torch.tensor([4.0, 0.0]))
    tensor([0.2500,    inf])
    """,
    x=lambda g, y: g * conj(-(y * y)),
)

_pow = binary(
    "pow",
    lambda a, b: a ** (b.item() if b.ndim == 0 else b),  # NumPy is fast for exponents that are numbers
    "y = a ** b",
    a=lambda g, a, b: _power_by_base(g, a, b),
    b=lambda g, a, b, y: _power_by_exponent(g, a, b, y),
)


def _power_by_base(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """g b a^(b-1), which is 0 where b = 0, for any a."""
    if b.edge is None and b.array.ndim == 0:  # a number
        exponent = b.array.item()
        if exponent == 0:
            return zero_like(g)
        if exponent == 2:
            return g * conj(mul(a, 2))
        return g * conj(b * _pow(a, b - 1))
    zero = from_array(b.array == 0)
    if zero.array.any():
        a = where(zero, 1.0, a)
    return g * conj(b * _pow(a, b - 1))


def _power_by_exponent(g: Tensor, a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    """g a^b ln a, which is 0 where a = 0 and b >= 0."""
    zero = from_array((a.array == 0) & (b.array.real >= 0))
    if zero.array.any():
        a = where(zero, 1.0, a)
    return g * conj(y * log(a))


def pow(input, exponent) -> Tensor:
    """The power: y = a^b, dy/da = b a^(b-1) (0 where b = 0), dy/db = y ln a (0 where a = 0 and b >= 0).

    Tensors or numbers, with broadcasting and type promotion. 0^0 = 1; a negative base with a fractional
    exponent gives NaN. An integer to the power of a negative integer tensor is rounded towards 0: it is 0
    unless the base is 1 or -1.

    Raises:
        ShapeError: the shapes do not broadcast.
        ArgumentError: an integer tensor raised to a negative Python integer.
        RangeError: an integer exponent is outside of the range of an integer tensor's dtype.

    >>> import cnn_physics77 as torch
    >>> torch.pow(torch.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    whole = isinstance(input, Tensor) and input.array.dtype.kind in "iu"
    if whole and isinstance(exponent, (int, np.integer)):
        if exponent < 0:
            raise ArgumentError(
                f"pow: Integers to negative integer powers are not allowed, found exponent {exponent}; "
                "convert the base with .float()"
            )
        check_fits("pow", np.asarray(exponent), input.array.dtype)
    a, b = input, exponent
    if not _plain(input, exponent):
        check_tensor_among("pow", input, exponent)
        a, b = prepare("pow", (input, exponent), broadcast=False)
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.array.dtype.kind in "bi" and (b.array < 0).any():
        return from_array(_integer_power(a.array, b.array))
    return _pow(a, b)


def _plain(input, exponent) -> bool:
    """Whether this is a floating tensor and a number or a tensor of its dtype: the usual case in training."""
    if isinstance(input, Tensor) and input.array.dtype.kind == "f":
        return type(exponent) in (int, float) or (
            isinstance(exponent, Tensor) and exponent.array.dtype == input.array.dtype
        )
    return False


def _integer_power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    try:
        y = a ** np.maximum(b, 0)
    except ValueError:
        raise ShapeError(f"pow: expected shapes that broadcast, found {a.shape} and {b.shape}") from None
    inverse = np.where(a == 1, 1, np.where(a == -1, np.where(b % 2 == 0, 1, -1), 0))
    return np.where(b < 0, inverse, y).astype(y.dtype)


@in_own_name
def float_power(input, exponent) -> Tensor:
    """The power a^b in double precision, for any dtypes: see :func:`pow`.

    >>> import cnn_physics77 as torch
    >>> torch.float_power(torch.tensor([1, 2, 3]), 2)
    tensor([1., 4., 9.], dtype=torch.float64)
    """
    check_tensor_among("float_power", input, exponent)
    kind = common_dtype("float_power", input, exponent).kind
    double = np.dtype(np.complex128 if kind == "c" else np.float64)
    # each by itself: a number would first be rounded, or wrap, in the dtype of the tensor
    a, b = (x if isinstance(x, Tensor) else from_array(np.asarray(x, double)) for x in (input, exponent))
    return pow(a.to(double), b.to(double))


def log_add_exp(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """ln(eᵃ + eᵇ) of arrays, without overflow. Complex numbers: the one with the larger real part, plus the
    principal value of ln(1 + e^-d) for the difference d."""
    if a.dtype.kind != "c":
        return _log_add(np.logaddexp, np.exp, 1.0, a, b)
    first = a.real > b.real
    larger, smaller = np.where(first, a, b), np.where(first, b, a)
    nothing = np.isneginf(smaller.real)
    return larger + np.log1p(np.exp(np.where(nothing, -np.inf, smaller - np.where(nothing, 0, larger))))


def _log_add(ufunc: np.ufunc, power: np.ufunc, scale: float, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """max(a, b) + scale ln(1 + power(-|a - b|)), which ``ufunc`` computes number by number."""
    if a.size < SMALL or a.shape != b.shape or a.itemsize < 4:
        return ufunc(a, b)

    def piece(a, b):
        distance = np.abs(np.where(a == b, 0, a - b))  # 0 also of equal infinities
        return np.maximum(a, b) + scale * np.log1p(power(-distance))

    return in_pieces(piece, 8.0, a, b)


_logaddexp = binary(
    "logaddexp",
    log_add_exp,
    """y = ln(eᵃ + eᵇ), without overflow; dy/da = e^(a - y).

    The operands are real or complex. Integers become the default floating dtype.

    >>> import cnn_physics77 as torch
    >>> torch.logaddexp(torch.tensor([0.0, 1000.0]), torch.tensor([0.0, 1000.0]))
    tensor([6.9315e-01, 1.0007e+03])
    """,
    a=lambda g, a, b: g / conj(1 + exp(b - a)),
    b=lambda g, a, b: g / conj(1 + exp(a - b)),
    floating=True,
)

_logaddexp2 = binary(
    "logaddexp2",
    lambda a, b: _log_add(np.logaddexp2, np.exp2, 1 / math.log(2), a, b),
    """y = log₂(2ᵃ + 2ᵇ), without overflow; dy/da = 2^(a - y).

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.logaddexp2(torch.tensor([0.0, 1000.0]), torch.tensor([0.0, 1000.0]))
    tensor([   1., 1001.])
    """,
    a=lambda g, a, b: g / (1 + exp2(b - a)),
    b=lambda g, a, b: g / (1 + exp2(a - b)),
    floating=True,
)

logaddexp, logaddexp2 = of_tensors(_logaddexp), of_tensors(_logaddexp2)

for _name, _function in (
    ("exp", exp), ("exp2", exp2), ("expm1", expm1), ("log", log), ("log2", log2), ("log10", log10),
    ("log1p", log1p), ("sqrt", sqrt), ("rsqrt", rsqrt), ("square", square), ("reciprocal", reciprocal),
    ("float_power", float_power), ("logaddexp", logaddexp), ("logaddexp2", logaddexp2),
):  # fmt: skip
    method(_name)(_function)
method("pow")(pow)
method("__pow__")(operator_of(pow))
method("__rpow__")(reflected_of(pow))


__all__ = [
    "exp",
    "exp2",
    "expm1",
    "float_power",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "pow",
    "reciprocal",
    "rsqrt",
    "sqrt",
    "square",
]
