"""The Airy function of ``torch.special``, differentiable to any order."""

from __future__ import annotations

from collections.abc import Callable

from cnn_physics77.core.kernels.special import airy
from cnn_physics77.core.operations.base.elementwise import unary
from cnn_physics77.core.operations.late import complete_late

airy_ai = unary(
    "airy_ai",
    airy.ai,
    r"""The Airy function, the solution of y'' = xy that falls for positive x and oscillates for negative x.

    .. math:: y = \mathrm{Ai}(x) = \frac{1}{\pi} \int_0^\infty \cos\Big(\frac{t^3}{3} + xt\Big) dt
        \qquad dy/dx = \mathrm{Ai}'(x) \qquad d^2y/dx^2 = x \, \mathrm{Ai}(x)

    Against mpmath at some hundred random arguments of each region, the error is at most 8 units in the last
    place of the float64 result; for negative x, of the amplitude :math:`\pi^{-1/2} |x|^{-1/4}`. It is 0 at
    inf, where PyTorch's is NaN, and NaN at -inf.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.airy_ai(torch.tensor([-2.0, 0.0, 2.0]))
    tensor([0.2274, 0.3550, 0.0349])
    """,
    x=lambda g, x: g * _airy_ai_prime(x),
)

_airy_ai_prime: Callable = unary(
    "airy_ai_prime", airy.ai_prime, "Ai'(x): see :func:`airy_ai`.", x=lambda g, x: g * (x * airy_ai(x))
)

__all__ = ["airy_ai"]

complete_late(__name__)
