"""The normal distribution's probability, its logarithm and inverse; relatives of the error function.

Errors are given in units in the last place (ulp) of the float64 result, as measured against mpmath at some
hundred random arguments; float32 results are those rounded.
"""

from __future__ import annotations

import math

from cnn_physics77.core.kernels.special import normal
from cnn_physics77.core.operations.base.elementwise import unary
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp
from cnn_physics77.core.tensor import method

ROOT_PI, ROOT_2, ROOT_2_PI = math.sqrt(math.pi), math.sqrt(2), math.sqrt(2 * math.pi)

erfinv = unary(
    "erfinv",
    normal.erfinv,
    r"""The inverse of the error function: erf y = x, :math:`dy/dx = \tfrac{\sqrt\pi}{2} e^{y^2}`.

    It is infinite at -1 and 1, and NaN outside of [-1, 1]. The error is at most 6 ulp.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.erfinv(torch.tensor([0.0, 0.5, -1.0]))
    tensor([0.0000, 0.4769,   -inf])
    """,
    x=lambda g, y: g * (exp(y * y) * (ROOT_PI / 2)),
)

erfcx = unary(
    "erfcx",
    normal.erfcx,
    r"""The scaled complementary error function, which neither overflows nor underflows for positive x.

    .. math:: y = e^{x^2} \operatorname{erfc} x \qquad dy/dx = 2 x y - 2 / \sqrt\pi

    The error is at most 4 ulp.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.erfcx(torch.tensor([0.0, 1.0, 100.0]))
    tensor([1.0000, 0.4276, 0.0056])
    """,
    x=lambda g, x, y: g * (2 * x * y - 2 / ROOT_PI),
)

ndtr = unary(
    "ndtr",
    normal.ndtr,
    r"""The probability of the normal distribution below x.

    .. math:: y = \frac{1}{\sqrt{2 \pi}} \int_{-\infty}^x e^{-t^2/2} dt \qquad
        dy/dx = \frac{1}{\sqrt{2 \pi}} e^{-x^2/2}

    The error is at most 4 ulp.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.ndtr(torch.tensor([0.0, 1.0, -3.0]))
    tensor([0.5000, 0.8413, 0.0013])
    """,
    x=lambda g, x: g * (exp(-0.5 * x * x) / ROOT_2_PI),
)

ndtri = unary(
    "ndtri",
    normal.ndtri,
    r"""The inverse of :func:`ndtr`: y such that x is the probability of the normal distribution below y;
    :math:`dy/dx = \sqrt{2 \pi} e^{y^2/2}`.

    It is infinite at 0 and 1, and NaN outside of [0, 1]. The error is at most 4 ulp.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.ndtri(torch.tensor([0.5, 0.975, 0.0]))
    tensor([0.0000, 1.9600,   -inf])
    """,
    x=lambda g, y: g * (exp(0.5 * y * y) * ROOT_2_PI),
)

log_ndtr = unary(
    "log_ndtr",
    normal.log_ndtr,
    r"""The logarithm of :func:`ndtr`, also where that underflows. Its derivative is the density divided by
    the probability.

    .. math:: y = \ln \Phi(x) \qquad dy/dx = \sqrt{2/\pi} \Big/ \operatorname{erfcx}(-x / \sqrt 2)

    The error is at most 7 ulp for x < 3; beyond that, where y is about -1e-3 and less, that of erfc.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.special.log_ndtr(torch.tensor([0.0, -10.0, -100.0]))
    tensor([   -0.6931,   -53.2313, -5005.5244])
    """,
    x=lambda g, x: g * (math.sqrt(2 / math.pi) / erfcx(x * (-1 / ROOT_2))),
)

method("erfinv")(erfinv)

__all__ = ["erfcx", "erfinv", "log_ndtr", "ndtr", "ndtri"]

complete_late(__name__)
