"""Trigonometric and hyperbolic functions, and their inverses; angles in radians."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cnn_physics77.core.operations.base.elementwise import binary, of_tensors, unary
from cnn_physics77.core.operations.base.operation import check_tensors_given
from cnn_physics77.core.operations.pointwise.arithmetic import conj, mul
from cnn_physics77.core.operations.pointwise.exp_log_pow import rsqrt, sqrt
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import method

sin = unary(
    "sin",
    np.sin,
    """The sine: dy/dx = cos x.

    >>> import cnn_physics77 as torch
    >>> torch.sin(torch.tensor([0.0, torch.pi / 2]))
    tensor([0., 1.])
    """,
    x=lambda g, x: g * conj(cos(x)),
)

cos: Callable = unary(
    "cos",
    np.cos,
    """The cosine: dy/dx = -sin x.

    >>> import cnn_physics77 as torch
    >>> torch.cos(torch.tensor([0.0, torch.pi]))
    tensor([ 1., -1.])
    """,
    x=lambda g, x: g * conj(-sin(x)),
)

tan = unary(
    "tan",
    np.tan,
    """The tangent: dy/dx = 1 + y².

    >>> import cnn_physics77 as torch
    >>> torch.tan(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5574])
    """,
    x=lambda g, y: g * conj(1 + y * y),
)

asin = unary(
    "asin",
    np.arcsin,
    """The inverse sine, in [-π/2, π/2]: dy/dx = 1/√(1 - x²); NaN outside of [-1, 1].

    >>> import cnn_physics77 as torch
    >>> torch.asin(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """,
    x=lambda g, x: g * conj(rsqrt(1 - x * x)),
)

acos = unary(
    "acos",
    np.arccos,
    """The inverse cosine, in [0, π]: dy/dx = -1/√(1 - x²); NaN outside of [-1, 1].

    >>> import cnn_physics77 as torch
    >>> torch.acos(torch.tensor([0.0, 1.0]))
    tensor([1.5708, 0.0000])
    """,
    x=lambda g, x: g * conj(-rsqrt(1 - x * x)),
)

atan = unary(
    "atan",
    np.arctan,
    """The inverse tangent, in [-π/2, π/2]: dy/dx = 1/(1 + x²).

    >>> import cnn_physics77 as torch
    >>> torch.atan(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """,
    x=lambda g, x: g / conj(1 + x * x),
)


def _over_squared_radius(g, numerator, a, b):
    """g numerator / (a² + b²), and 0 at the origin, where the angle has no derivative."""
    squared = a * a + b * b
    return g * where(squared == 0, 0.0, numerator / squared)


_atan2 = binary(
    "atan2",
    np.arctan2,
    """The angle of the point (b, a), in [-π, π]: y = arctan(a/b) in the right quadrant, dy/da = b/(a² + b²),
    dy/db = -a/(a² + b²), both 0 at the origin.

    >>> import cnn_physics77 as torch
    >>> torch.atan2(torch.tensor([1.0, 1.0]), torch.tensor([1.0, -1.0]))
    tensor([0.7854, 2.3562])
    """,
    a=lambda g, a, b: _over_squared_radius(g, b, a, b),
    b=lambda g, a, b: _over_squared_radius(g, -a, a, b),
    floating=True,
)


atan2 = of_tensors(_atan2)

sinh = unary(
    "sinh",
    np.sinh,
    """The hyperbolic sine: dy/dx = cosh x.

    >>> import cnn_physics77 as torch
    >>> torch.sinh(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """,
    x=lambda g, x: g * conj(cosh(x)),
)

cosh: Callable = unary(
    "cosh",
    np.cosh,
    """The hyperbolic cosine: dy/dx = sinh x.

    >>> import cnn_physics77 as torch
    >>> torch.cosh(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """,
    x=lambda g, x: g * conj(sinh(x)),
)

_tanh_gradient: Callable = binary(
    "tanh_gradient",
    lambda g, y: g * np.conjugate(1 - y * y) if y.dtype.kind == "c" else g * (1 - y * y),
    "a (1 - b²)*, with b = tanh x: the gradient of tanh.",
    a=lambda g, b: _tanh_gradient(g, conj(b)),
    b=lambda g, a, b: conj(g) * a * conj(b) * -2,
)

tanh = unary(
    "tanh",
    np.tanh,
    """The hyperbolic tangent: y = (eˣ - e⁻ˣ)/(eˣ + e⁻ˣ), dy/dx = 1 - y².

    >>> import cnn_physics77 as torch
    >>> torch.tanh(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """,
    x=lambda g, y: _tanh_gradient(g, y),
)

asinh = unary(
    "asinh",
    np.arcsinh,
    """The inverse hyperbolic sine: dy/dx = 1/√(x² + 1).

    >>> import cnn_physics77 as torch
    >>> torch.asinh(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """,
    x=lambda g, x: g * conj(rsqrt(x * x + 1)),
)

acosh = unary(
    "acosh",
    np.arccosh,
    """The inverse hyperbolic cosine, at least 0: dy/dx = 1/√(x² - 1); NaN below 1.

    >>> import cnn_physics77 as torch
    >>> torch.acosh(torch.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """,
    x=lambda g, x: g / conj(sqrt(x - 1) * sqrt(x + 1)),
)

atanh = unary(
    "atanh",
    np.arctanh,
    """The inverse hyperbolic tangent: dy/dx = 1/(1 - x²); ±inf at ±1, NaN beyond.

    >>> import cnn_physics77 as torch
    >>> torch.atanh(torch.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """,
    x=lambda g, x: g / conj(1 - x * x),
)


def deg2rad(input):
    """Degrees to radians: y = x π/180.

    >>> import cnn_physics77 as torch
    >>> torch.deg2rad(torch.tensor([180.0]))
    tensor([3.1416])
    """
    return mul(input, math.pi / 180)


def rad2deg(input):
    """Radians to degrees: y = x 180/π.

    >>> import cnn_physics77 as torch
    >>> torch.rad2deg(torch.tensor([torch.pi]))
    tensor([180.])
    """
    return mul(input, 180 / math.pi)


_hypot = binary(
    "hypot",
    np.hypot,
    "y = √(a² + b²)",
    a=lambda g, a, y: g * (a / y),
    b=lambda g, b, y: g * (b / y),
    floating=True,
)


def hypot(input, other):
    """The length of the hypotenuse: y = √(a² + b²) without overflow, dy/da = a/y; NaN at the origin, as in
    PyTorch.

    >>> import cnn_physics77 as torch
    >>> torch.hypot(torch.tensor([3.0]), torch.tensor([4.0]))
    tensor([5.])
    """
    check_tensors_given("hypot", input, other)
    return _hypot(input, other)


arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh

for _names, _function in (
    (("sin",), sin), (("cos",), cos), (("tan",), tan),
    (("asin", "arcsin"), asin), (("acos", "arccos"), acos), (("atan", "arctan"), atan),
    (("atan2", "arctan2"), atan2),
    (("sinh",), sinh), (("cosh",), cosh), (("tanh",), tanh),
    (("asinh", "arcsinh"), asinh), (("acosh", "arccosh"), acosh), (("atanh", "arctanh"), atanh),
    (("deg2rad",), deg2rad), (("rad2deg",), rad2deg), (("hypot",), hypot),
):  # fmt: skip
    method(*_names)(_function)

__all__ = [
    "acos",
    "acosh",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "hypot",
    "rad2deg",
    "sin",
    "sinh",
    "tan",
    "tanh",
]
