"""Bessel functions of order 0 and 1, of the names of ``torch.special``. All are differentiable, to any order.

Errors are given in units in the last place (ulp) of the float64 result, as measured against mpmath at some
hundred random arguments of each region; float32 results are those rounded. Near the zeros of the oscillating
functions, the ulp is that of their amplitude, the smaller of 1 and √(2/πx).
"""

from __future__ import annotations

from collections.abc import Callable

from cnn_physics77.core.kernels.special import bessel
from cnn_physics77.core.operations.base.elementwise import unary
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.arithmetic import sign
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array, method


def _over_x(y: Tensor, x: Tensor, limit: float = 0.5) -> Tensor:
    """y/x, with the limit at 0."""
    zero = from_array(x.array == 0)
    return where(zero, limit, y / where(zero, 1.0, x)) if zero.array.any() else y / x


# ------------------------------------------------------------------------------------- I_n

i0 = unary(
    "i0",
    bessel.i0,
    r"""The modified Bessel function of the first kind of order 0, which grows exponentially.

    .. math:: y = I_0(x) = \sum_{k=0}^\infty \frac{(x^2/4)^k}{k!^2} \qquad dy/dx = I_1(x)

    The error is at most 8 ulp.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.i0(torch.tensor([0.0, 1.0, 5.0]))
    tensor([ 1.0000,  1.2661, 27.2399])
    """,
    x=lambda g, x: g * i1(x),
)

i1: Callable = unary(
    "i1",
    bessel.i1,
    """The modified Bessel function of the first kind of order 1, which grows exponentially: y = I₁(x), with
    dy/dx = I₀(x) - I₁(x)/x. The error is at most 8 ulp.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.i1(torch.tensor([0.0, 1.0, 5.0]))
    tensor([ 0.0000,  0.5652, 24.3356])
    """,
    x=lambda g, x, y: g * (i0(x) - _over_x(y, x)),
)

i0e = unary(
    "i0e",
    bessel.i0e,
    """The scaled function y = e^-\\|x\\| I₀(x), which does not overflow. The error is at most 8 ulp.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.i0e(torch.tensor([0.0, 1.0, 1e4]))
    tensor([1.0000, 0.4658, 0.0040])
    """,
    x=lambda g, x, y: g * (i1e(x) - sign(x) * y),
)

i1e: Callable = unary(
    "i1e",
    bessel.i1e,
    """The scaled function y = e^-\\|x\\| I₁(x), which does not overflow. The error is at most 10 ulp.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.i1e(torch.tensor([0.0, 1.0, 1e4]))
    tensor([0.0000, 0.2079, 0.0040])
    """,
    x=lambda g, x, y: g * (i0e(x) - sign(x) * y - _over_x(y, x)),
)

modified_bessel_i0, modified_bessel_i1 = i0, i1

# ------------------------------------------------------------------------------------- K_n

modified_bessel_k0 = unary(
    "modified_bessel_k0",
    bessel.k0,
    r"""The modified Bessel function of the second kind of order 0, which falls exponentially.

    .. math:: y = K_0(x) = \int_0^\infty e^{-x \cosh t} dt \qquad dy/dx = -K_1(x)

    It is inf at 0 and NaN for negative x. The error is at most 6 ulp.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.modified_bessel_k0(torch.tensor([0.1, 1.0, 5.0]))
    tensor([2.4271, 0.4210, 0.0037])
    """,
    x=lambda g, x: -g * modified_bessel_k1(x),
)

modified_bessel_k1: Callable = unary(
    "modified_bessel_k1",
    bessel.k1,
    """The modified Bessel function of the second kind of order 1, which falls exponentially: y = K₁(x), with
    dy/dx = -K₀(x) - K₁(x)/x. It is inf at 0 and NaN for negative x. The error is at most 6 ulp.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.modified_bessel_k1(torch.tensor([0.1, 1.0, 5.0]))
    tensor([9.8538, 0.6019, 0.0040])
    """,
    x=lambda g, x, y: -g * (modified_bessel_k0(x) + y / x),
)

scaled_modified_bessel_k0 = unary(
    "scaled_modified_bessel_k0",
    bessel.k0e,
    """The scaled function y = eˣ K₀(x), which does not underflow; see :func:`modified_bessel_k0`.

    >>> import cnn_physics77 as torch
    >>> torch.special.scaled_modified_bessel_k0(torch.tensor([0.1, 1.0, 1e4]))
    tensor([2.6823, 1.1445, 0.0125])
    """,
    x=lambda g, x, y: g * (y - scaled_modified_bessel_k1(x)),
)

scaled_modified_bessel_k1: Callable = unary(
    "scaled_modified_bessel_k1",
    bessel.k1e,
    """The scaled function y = eˣ K₁(x), which does not underflow; see :func:`modified_bessel_k1`.

    >>> import cnn_physics77 as torch
    >>> torch.special.scaled_modified_bessel_k1(torch.tensor([0.1, 1.0, 1e4]))
    tensor([10.8902,  1.6362,  0.0125])
    """,
    x=lambda g, x, y: g * (y - scaled_modified_bessel_k0(x) - y / x),
)

# ------------------------------------------------------------------------------------- J_n and Y_n

bessel_j0 = unary(
    "bessel_j0",
    bessel.j0,
    r"""The Bessel function of the first kind of order 0.

    .. math:: y = J_0(x) = \sum_{k=0}^\infty \frac{(-x^2/4)^k}{k!^2} \qquad dy/dx = -J_1(x)

    The error is at most 6 ulp of its amplitude.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.bessel_j0(torch.tensor([0.0, 1.0, 5.0]))
    tensor([ 1.0000,  0.7652, -0.1776])
    """,
    x=lambda g, x: -g * bessel_j1(x),
)

bessel_j1: Callable = unary(
    "bessel_j1",
    bessel.j1,
    """The Bessel function of the first kind of order 1: y = J₁(x), with dy/dx = J₀(x) - J₁(x)/x. The error is
    at most 6 ulp of its amplitude.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.bessel_j1(torch.tensor([0.0, 1.0, 5.0]))
    tensor([ 0.0000,  0.4401, -0.3276])
    """,
    x=lambda g, x, y: g * (bessel_j0(x) - _over_x(y, x)),
)

bessel_y0 = unary(
    "bessel_y0",
    bessel.y0,
    """The Bessel function of the second kind of order 0: y = Y₀(x), with dy/dx = -Y₁(x). It is -inf at 0 and
    NaN for negative x. The error is at most 6 ulp of its amplitude.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.bessel_y0(torch.tensor([0.1, 1.0, 5.0]))
    tensor([-1.5342,  0.0883, -0.3085])
    """,
    x=lambda g, x: -g * bessel_y1(x),
)

bessel_y1: Callable = unary(
    "bessel_y1",
    bessel.y1,
    """The Bessel function of the second kind of order 1: y = Y₁(x), with dy/dx = Y₀(x) - Y₁(x)/x. It is -inf
    at 0 and NaN for negative x. The error is at most 6 ulp of its amplitude.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.bessel_y1(torch.tensor([0.1, 1.0, 5.0]))
    tensor([-6.4590, -0.7812,  0.1479])
    """,
    x=lambda g, x, y: g * (bessel_y0(x) - y / x),
)

method("i0")(i0)

__all__ = [
    "bessel_j0",
    "bessel_j1",
    "bessel_y0",
    "bessel_y1",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "modified_bessel_i0",
    "modified_bessel_i1",
    "modified_bessel_k0",
    "modified_bessel_k1",
    "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1",
]

complete_late(__name__)
