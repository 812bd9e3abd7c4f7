"""Orthogonal polynomials, of the names of ``torch.special``, by their recurrences (M. Abramowitz and I. A.
Stegun, *Handbook of Mathematical Functions*, table 22.7). All are differentiable with respect to x."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.operations.base.broadcasting import cast, common_dtype, expand_to
from cnn_physics77.core.operations.base.operation import as_tensor_input, check_tensor_among
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array


def _polynomial(
    name: str, symbol: str, recurrence: str, shift: Callable, first: Callable, step: Callable, values: str
) -> Callable:
    """The function P_n(x): P_0 = 1, P_1 = first(x), P_{k+1} = step(k, x, P_k, P_{k-1}), of shift(x)."""

    def function(input, n):
        x, degree, highest = _arguments(name, input, n)
        x = shift(x)
        before, current = x * 0 + 1, first(x)
        y = _chosen(degree, 0, before, before * 0)
        for k in range(1, highest + 1):
            y = _chosen(degree, k, current, y)
            before, current = current, step(k, x, current, before)
        return y

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""The polynomials {symbol} of degree n: {recurrence}.

    Args:
        input: x, a tensor or a number; integers become the default floating dtype.
        n: an integer, or a tensor of integers that broadcasts with x. For negative ones the result is 0.

    Raises:
        DtypeError: the numbers are complex.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.special.{name}(torch.tensor([-1.0, 0.5, 2.0]), 3)
    {values}
    """
    return function


def _arguments(name: str, input, n) -> tuple[Tensor, int | np.ndarray, int]:
    """x, the degrees, which are one integer if possible, and the highest one."""
    check_tensor_among(name, input, n)
    x = as_tensor_input(name, input)
    dtype = common_dtype(name, x, n)
    if dtype.kind == "c":
        raise DtypeError(f"{name}: expected real numbers, found complex ones")
    x = cast(x, dtype=dtype if dtype.kind == "f" else default_dtype())
    if not isinstance(n, Tensor):
        return x, int(n), int(n)
    degrees = n.array.astype(np.int64)
    shape = np.broadcast_shapes(x.array.shape, degrees.shape)
    return expand_to(x, shape), degrees, int(degrees.max(initial=-1))


def _chosen(degree, k: int, polynomial: Tensor, other: Tensor) -> Tensor:
    """The polynomial where its degree k is asked for."""
    if isinstance(degree, int):
        return polynomial if degree == k else other
    return where(from_array(degree == k), polynomial, other)


def _same(x):
    return x


def _shifted(x):
    return 2 * x - 1


def _chebyshev_step(k, x, current, before):
    return 2 * x * current - before


def _chebyshev(kind: str, first: Callable, text: str, shifted: bool, values: str) -> Callable:
    name = f"{'shifted_' if shifted else ''}chebyshev_polynomial_{kind}"
    letter = kind.upper()
    symbol = f"of Chebyshev, {letter}_n(2x - 1)," if shifted else f"of Chebyshev, {letter}_n(x),"
    recurrence = f"{letter}_0 = 1, {letter}_1 = {text}, {letter}_(k+1) = 2x {letter}_k - {letter}_(k-1)"
    return _polynomial(
        name, symbol, recurrence, _shifted if shifted else _same, first, _chebyshev_step, values
    )


chebyshev_polynomial_t = _chebyshev("t", _same, "x", False, "tensor([-1., -1., 26.])")
chebyshev_polynomial_u = _chebyshev("u", lambda x: 2 * x, "2x", False, "tensor([-4., -1., 56.])")
chebyshev_polynomial_v = _chebyshev("v", lambda x: 2 * x - 1, "2x - 1", False, "tensor([-7., -1., 41.])")
chebyshev_polynomial_w = _chebyshev("w", lambda x: 2 * x + 1, "2x + 1", False, "tensor([-1., -1., 71.])")
shifted_chebyshev_polynomial_t = _chebyshev("t", _same, "x", True, "tensor([-99.,  -0.,  99.])")
shifted_chebyshev_polynomial_u = _chebyshev("u", lambda x: 2 * x, "2x", True, "tensor([-204.,   -0.,  204.])")
shifted_chebyshev_polynomial_v = _chebyshev(
    "v", lambda x: 2 * x - 1, "2x - 1", True, "tensor([-239.,    1.,  169.])"
)
shifted_chebyshev_polynomial_w = _chebyshev(
    "w", lambda x: 2 * x + 1, "2x + 1", True, "tensor([-169.,   -1.,  239.])"
)

hermite_polynomial_h = _polynomial(
    "hermite_polynomial_h",
    "of Hermite, H_n(x),",
    "H_0 = 1, H_1 = 2x, H_(k+1) = 2x H_k - 2k H_(k-1)",
    _same,
    lambda x: 2 * x,
    lambda k, x, current, before: 2 * x * current - 2 * k * before,
    "tensor([ 4., -5., 40.])",
)
hermite_polynomial_he = _polynomial(
    "hermite_polynomial_he",
    "of Hermite, He_n(x),",
    "He_0 = 1, He_1 = x, He_(k+1) = x He_k - k He_(k-1)",
    _same,
    _same,
    lambda k, x, current, before: x * current - k * before,
    "tensor([ 2.0000, -1.3750,  2.0000])",
)
laguerre_polynomial_l = _polynomial(
    "laguerre_polynomial_l",
    "of Laguerre, L_n(x),",
    "L_0 = 1, L_1 = 1 - x, (k + 1) L_(k+1) = (2k + 1 - x) L_k - k L_(k-1)",
    _same,
    lambda x: 1 - x,
    lambda k, x, current, before: ((2 * k + 1 - x) * current - k * before) / (k + 1),
    "tensor([ 5.6667, -0.1458, -0.3333])",
)
legendre_polynomial_p = _polynomial(
    "legendre_polynomial_p",
    "of Legendre, P_n(x),",
    "P_0 = 1, P_1 = x, (k + 1) P_(k+1) = (2k + 1) x P_k - k P_(k-1)",
    _same,
    _same,
    lambda k, x, current, before: ((2 * k + 1) * x * current - k * before) / (k + 1),
    "tensor([-1.0000, -0.4375, 17.0000])",
)

__all__ = [
    "chebyshev_polynomial_t",
    "chebyshev_polynomial_u",
    "chebyshev_polynomial_v",
    "chebyshev_polynomial_w",
    "hermite_polynomial_h",
    "hermite_polynomial_he",
    "laguerre_polynomial_l",
    "legendre_polynomial_p",
    "shifted_chebyshev_polynomial_t",
    "shifted_chebyshev_polynomial_u",
    "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w",
]

complete_late(__name__)
