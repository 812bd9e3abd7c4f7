"""The error function and other special functions."""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.kernels import error_function
from cnn_physics77.core.operations.base.elementwise import binary, unary
from cnn_physics77.core.operations.base.operation import check_tensor_among
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp, log
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array, method

TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


def _of_reals(function):
    def checked(x):
        if x.dtype.kind != "f":
            raise TypeError
        return function(x)

    return checked


erf = unary(
    "erf",
    _of_reals(error_function.erf),
    r"""The error function.

    .. math:: y = \frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt \qquad dy/dx = \frac{2}{\sqrt\pi} e^{-x^2}

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.erf(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """,
    x=lambda g, x: g * (exp(-x * x) * TWO_OVER_ROOT_PI),
)

erfc = unary(
    "erfc",
    _of_reals(error_function.erfc),
    """The complementary error function: y = 1 - erf x, accurate for large x, too; dy/dx = -2/√π exp(-x²).

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.erfc(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 0.1573])
    """,
    x=lambda g, x: g * (exp(-x * x) * -TWO_OVER_ROOT_PI),
)


def _x_log_y(a, b):
    y = a * np.log(b)
    return np.where((a == 0) & ~np.isnan(b), 0, y).astype(np.result_type(a, b), copy=False)


def _logarithm_if_used(g, a, b):
    """g ln b, which is 0 where a = 0 and b <= 0: there the product is 0 by convention."""
    ignored = from_array((a.array == 0) & (b.array <= 0))
    if not ignored.array.any():
        return g * log(b)
    return where(ignored, 0.0, g * log(where(ignored, 1.0, b)))


_xlogy = binary(
    "xlogy", _x_log_y, "y = a ln b", a=_logarithm_if_used, b=lambda g, a, b: g * a / b, floating=True
)


@method("xlogy")
def xlogy(input, other):
    """y = a ln b, and 0 where a = 0 (NaN where b is NaN).

    The derivatives are dy/da = ln b (0 where a = 0 and b <= 0) and dy/db = a/b.

    Raises:
        ShapeError: the shapes do not broadcast.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.xlogy(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 2.0]))
    tensor([0.0000, 0.6931])
    """
    check_tensor_among("xlogy", input, other)
    for operand in (input, other):
        if np.iscomplexobj(operand.array if isinstance(operand, Tensor) else operand):
            raise DtypeError("xlogy: expected real numbers, found complex ones")
    return _xlogy(input, other)


method("erf")(erf)
method("erfc")(erfc)

__all__ = ["erf", "erfc", "xlogy"]
