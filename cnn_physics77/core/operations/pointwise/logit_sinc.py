"""The logit, entropies, and the cardinal sine."""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.kernels.elementwise import in_pieces
from cnn_physics77.core.operations.base.broadcasting import cast
from cnn_physics77.core.operations.base.elementwise import binary, unary
from cnn_physics77.core.operations.base.operation import as_tensor_input, operation
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.arithmetic import conj
from cnn_physics77.core.operations.pointwise.exp_log_pow import log, log1p
from cnn_physics77.core.operations.pointwise.where_clamp import clamp, where
from cnn_physics77.core.tensor import Tensor, from_array, method

# ------------------------------------------------------------------------------------- logit and entropies


def _of_reals(function):
    def checked(*arrays):
        if arrays[0].dtype.kind != "f":
            raise TypeError
        return function(*arrays)

    return checked


_logit = unary(
    "logit",
    _of_reals(lambda x: np.log(x / (1 - x))),
    "ln (x / (1 - x))",
    x=lambda g, x: g / where(from_array((x.array < 0) | (x.array > 1)), math.nan, x * (1 - x)),
)


@method("logit")
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """y = ln (x / (1 - x)), the inverse of the sigmoid function; dy/dx = 1 / (x (1 - x)).

    It is infinite at 0 and 1, and NaN outside of [0, 1].

    Args:
        eps: x is first clamped to [eps, 1 - eps]; the derivative is 0 outside of it.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.logit(torch.tensor([0.5, 0.9, 1.0])), torch.logit(torch.tensor([1.0]), eps=0.1)
    (tensor([0.0000, 2.1972,    inf]), tensor([2.1972]))
    """
    if eps is None:
        return _logit(input)
    input = as_tensor_input("logit", input)
    if input.array.dtype.kind != "f":
        input = cast(input, dtype=default_dtype())
    return _logit(clamp(input, eps, 1 - eps))


def _minus_x_log_x(x):
    y = np.where(x > 0, -x * np.log(np.where(x > 0, x, 1)), np.where(x == 0, 0, -np.inf))
    return np.where(np.isnan(x), x, y).astype(x.dtype, copy=False)


entr = unary(
    "entr",
    _of_reals(_minus_x_log_x),
    """The summands of an entropy: y = -x ln x for x > 0, 0 at 0, -inf for negative x; dy/dx = -ln x - 1.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.entr(torch.tensor([0.5, 0.0, -1.0]))
    tensor([0.3466, 0.0000,   -inf])
    """,
    x=lambda g, x: g * (-log(x) - 1),
)


def _x_log1p_y(a, b):
    y = a * np.log1p(b)
    return np.where((a == 0) & ~np.isnan(b), 0, y).astype(np.result_type(a, b), copy=False)


def _logarithm_if_used(g, a, b):
    """g ln (1 + b), which is 0 where a = 0 and b <= -1: there the product is 0 by convention."""
    ignored = from_array((a.array == 0) & (b.array <= -1))
    if not ignored.array.any():
        return g * log1p(b)
    return where(ignored, 0.0, g * log1p(where(ignored, 1.0, b)))


_xlog1py = binary(
    "xlog1py",
    _of_reals(_x_log1p_y),
    "y = a ln (1 + b)",
    a=_logarithm_if_used,
    b=lambda g, a, b: g * a / (b + 1),
    floating=True,
)


def xlog1py(input, other) -> Tensor:
    """y = a ln (1 + b), accurate for small b, and 0 where a = 0 (NaN where b is NaN).

    The derivatives are dy/da = ln (1 + b) (0 where a = 0 and b <= -1) and dy/db = a / (1 + b).

    Raises:
        ShapeError: the shapes do not broadcast.
        DtypeError: the numbers are complex, or both arguments are numbers.

    >>> import cnn_physics77 as torch
    >>> torch.special.xlog1py(torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 1.0]))
    tensor([0.0000, 1.3863])
    """
    if not (isinstance(input, Tensor) or isinstance(other, Tensor)):
        raise DtypeError("xlog1py: expected at least one tensor, found two numbers; use math.log1p")
    return _xlog1py(input, other)


# ------------------------------------------------------------------------------------- cardinal sine


@operation(name="sinc")
def _sinc(x, *, scale, order):
    """The derivative of this order of f(x) = sin u / u with u = scale x."""
    return in_pieces(lambda x: _derivative_of_sinc(x, scale, order), 20.0 * (1 + order), x)


def _derivative_of_sinc(x: np.ndarray, scale: float, order: int) -> np.ndarray:
    u = scale * x.astype(np.result_type(x.dtype, np.float64), copy=False)
    if not order:
        return np.where(u == 0, 1, np.sin(u) / np.where(u == 0, 1, u))
    near = np.abs(u) < order + 1
    far = np.where(near, 1, u)
    found = np.sin(far) / far
    for n in range(1, order + 1):  # from u f = sin u: u f⁽ⁿ⁾ + n f⁽ⁿ⁻¹⁾ = sin⁽ⁿ⁾ u
        found = (_derivative_of_sine(n, far) - n * found) / far
    found = np.where(near, _taylor(np.where(near, u, 0), order), found)
    return scale**order * found


def _derivative_of_sine(n: int, u: np.ndarray) -> np.ndarray:
    y = np.cos(u) if n % 2 else np.sin(u)
    return -y if n % 4 >= 2 else y


def _taylor(u: np.ndarray, order: int) -> np.ndarray:
    """sin u / u = Σ (-1)^k u^2k / (2k + 1)!, differentiated."""
    y, square = np.zeros_like(u), u * u
    first = (order + 1) // 2
    for k in range(first + 12 + 2 * order, first - 1, -1):
        factor = math.perm(2 * k, order) / math.factorial(2 * k + 1)
        y = y * square + (-factor if k % 2 else factor)
    return y * u if order % 2 else y


_sinc.declare("x", lambda g, x, scale, order: g * conj(_sinc(x, scale=scale, order=order + 1)))


def _cardinal_sine(function: str, input, scale: float) -> Tensor:
    input = as_tensor_input(function, input)
    if input.array.dtype.kind not in "fc":
        input = cast(input, dtype=default_dtype())
    return _sinc(input, scale=scale, order=0)


@method("sinc")
def sinc(input: Tensor) -> Tensor:
    """y = sin πx / πx, and 1 at 0, of real or complex numbers. The derivatives are exact at 0, too.

    >>> import cnn_physics77 as torch
    >>> torch.sinc(torch.tensor([0.0, 0.5, 2.5]))
    tensor([1.0000, 0.6366, 0.1273])
    """
    return _cardinal_sine("sinc", input, math.pi)


def spherical_bessel_j0(input: Tensor) -> Tensor:
    """The spherical Bessel function of order 0: y = sin x / x, and 1 at 0.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.spherical_bessel_j0(torch.tensor([0.0, 1.0, 10.0]))
    tensor([ 1.0000,  0.8415, -0.0544])
    """
    if as_tensor_input("spherical_bessel_j0", input).array.dtype.kind == "c":
        raise DtypeError("spherical_bessel_j0: expected real numbers, found complex ones")
    return _cardinal_sine("spherical_bessel_j0", input, 1.0)


__all__ = ["entr", "logit", "sinc", "spherical_bessel_j0", "xlog1py"]

complete_late(__name__)
