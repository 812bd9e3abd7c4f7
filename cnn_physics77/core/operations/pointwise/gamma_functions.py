"""The gamma function's logarithm and its derivatives, Hurwitz's zeta function, incomplete gamma functions.

Errors are given in units in the last place (ulp) of the float64 result, as measured against mpmath at some
hundred random arguments of each region; float32 results are those rounded.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.errors import ArgumentError, DtypeError
from cnn_physics77.core.kernels.special import gamma, incomplete_gamma
from cnn_physics77.core.operations.base.broadcasting import cast
from cnn_physics77.core.operations.base.elementwise import binary, of_tensors, unary
from cnn_physics77.core.operations.base.operation import as_tensor_input, operation
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.arithmetic import undefined
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp
from cnn_physics77.core.operations.pointwise.special import xlogy
from cnn_physics77.core.tensor import Tensor, method

# ------------------------------------------------------------------------------------- gamma

lgamma = unary(
    "lgamma",
    gamma.lgamma,
    r"""The logarithm of the gamma function.

    .. math:: y = \ln |\Gamma(x)| \qquad dy/dx = \psi(x)

    It is inf at 0 and the negative integers. The error is at most 5 ulp for x > 0; for negative x, where
    there are zeros, it is at most 3 ulp of the larger of the result and 1.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.lgamma(torch.tensor([0.5, 1.0, 5.0]))
    tensor([0.5724, 0.0000, 3.1781])
    """,
    x=lambda g, x: g * digamma(x),
)

digamma: Callable = unary(
    "digamma",
    gamma.digamma,
    r"""The derivative of :func:`lgamma`: :math:`y = \psi(x) = \Gamma'(x) / \Gamma(x)`.

    It is -inf at 0 and NaN at the negative integers. The error is at most 3 ulp for x > 0, also near the zero
    1.4616...; for negative x it is at most 5 ulp of the larger of the result and 1.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.digamma(torch.tensor([1.0, 0.5]))
    tensor([-0.5772, -1.9635])
    """,
    x=lambda g, x: g * _polygamma(x, n=1),
)


@operation(name="polygamma")
def _polygamma(x, *, n):
    return gamma.polygamma(n, x)


_polygamma.declare("x", lambda g, x, n: g * _polygamma(x, n=n + 1))


def _real_floating(function: str, input) -> Tensor:
    input = as_tensor_input(function, input)
    kind = input.array.dtype.kind
    if kind == "c":
        raise DtypeError(f"{function}: expected real numbers, found {input.dtype}")
    return input if kind == "f" else cast(input, dtype=default_dtype())


def polygamma(n: int, input: Tensor) -> Tensor:
    r"""The n-th derivative of :func:`digamma`.

    .. math:: \psi^{(n)}(x) = (-1)^{n+1} n! \sum_{k=0}^\infty \frac{1}{(x + k)^{n+1}}, \quad n \ge 1

    Its derivative is the next one. At 0, -1, -2, ... it is infinite. The error is at most 7 ulp.

    Raises:
        ArgumentError: n is negative.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.polygamma(1, torch.tensor([1.0, 0.5]))
    tensor([1.6449, 4.9348])
    """
    n = operator.index(n)
    if n < 0:
        raise ArgumentError(f"polygamma: expected a derivative of order n >= 0, found {n}")
    input = _real_floating("polygamma", input)
    return _polygamma(input, n=n) if n else digamma(input)


@method("polygamma")
def _polygamma_method(self, n: int) -> Tensor:
    return polygamma(n, self)


@method("mvlgamma")
def mvlgamma(input: Tensor, p: int) -> Tensor:
    r"""The logarithm of the gamma function of p dimensions (A. T. James, Ann. Math. Statist. 35, 1964).

    .. math:: y = \tfrac14 p (p - 1) \ln \pi + \sum_{j=0}^{p-1} \ln \Gamma(x - j/2)

    It is meant for x > (p - 1)/2.

    Raises:
        ArgumentError: p is not positive.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.mvlgamma(torch.tensor([1.5, 3.0]), 2)
    tensor([0.4516, 1.5502])
    """
    if operator.index(p) < 1:
        raise ArgumentError(f"mvlgamma: p has to be greater than or equal to 1, found {p}")
    input = _real_floating("mvlgamma", input)
    y = lgamma(input) + p * (p - 1) / 4 * math.log(math.pi)
    for j in range(1, p):
        y = y + lgamma(input - j / 2)
    return y


# ------------------------------------------------------------------------------------- zeta

_zeta: Callable = binary(
    "zeta",
    gamma.zeta,
    r"""Hurwitz's zeta function of s (``input``) and q (``other``).

    .. math:: y = \zeta(s, q) = \sum_{k=0}^\infty \frac{1}{(k + q)^s} \qquad
        \partial y / \partial q = -s\, \zeta(s + 1, q)

    :math:`\zeta(s, 1)` is Riemann's. It is defined for s > 1, and inf for s = 1 and for q = 0, -1, ...; for
    other negative q it is NaN unless s is an integer. The error is at most 4 ulp for q > 0. The derivative
    with respect to s is not implemented.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.zeta(torch.tensor([2.0, 3.0]), torch.tensor(1.0))
    tensor([1.6449, 1.2021])
    """,
    a=undefined("zeta", " with respect to the exponent"),
    b=lambda g, a, b: g * (-a * zeta(a + 1, b)),
    floating=True,
)
zeta: Callable = of_tensors(_zeta, "one")

# ------------------------------------------------------------------------------------- incomplete


def _gamma_density(a: Tensor, x: Tensor) -> Tensor:
    """x^(a - 1) e^-x / Γ(a)."""
    return exp(xlogy(a - 1, x) - x - lgamma(a))


_igamma = binary(
    "igamma",
    incomplete_gamma.gammainc,
    r"""The regularized lower incomplete gamma function of a (``input``) and x (``other``).

    .. math:: y = P(a, x) = \frac{1}{\Gamma(a)} \int_0^x t^{a-1} e^{-t} dt \qquad
        \partial y / \partial x = \frac{x^{a-1} e^{-x}}{\Gamma(a)}

    It is NaN for negative a or x. The error is at most 60 ulp where the result is above 1e-3, and about 5 ulp
    more for each factor e in the tails. The derivative with respect to a is not implemented.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.gammainc(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 5.0]))
    tensor([0.6321, 0.7350])
    """,
    a=undefined("igamma", " with respect to a"),
    b=lambda g, a, b: g * _gamma_density(a, b),
    floating=True,
)
igamma = of_tensors(_igamma)

_igammac = binary(
    "igammac",
    incomplete_gamma.gammaincc,
    """The regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x), without cancellation: see
    :func:`igamma`.

    >>> import cnn_physics77 as torch
    >>> torch.special.gammaincc(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 5.0]))
    tensor([0.3679, 0.2650])
    """,
    a=undefined("igammac", " with respect to a"),
    b=lambda g, a, b: -g * _gamma_density(a, b),
    floating=True,
)
igammac = of_tensors(_igammac)

for _name, _function in (
    *(("lgamma", lgamma), ("digamma", digamma)),
    *(("igamma", igamma), ("igammac", igammac)),
):
    method(_name)(_function)

__all__ = ["digamma", "igamma", "igammac", "lgamma", "mvlgamma", "polygamma", "zeta"]

complete_late(__name__)
