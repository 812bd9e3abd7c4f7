"""The scaled complementary error function, and the normal distribution with its inverse.

Formulas: W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), as in
:mod:`..error_function`; M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution",
Applied Statistics 37 (1988), whose rational functions have a relative error of about 1e-16.
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.kernels.elementwise import in_pieces
from cnn_physics77.core.kernels.error_function import (
    _P,
    _Q,
    _SMALL,
    _SQRT_PI,
    _scaled_erfc,
    erf,
    erfc,
    erfc_single,
)
from cnn_physics77.core.kernels.special.regions import by_region, in_double, series

ROOT_2 = math.sqrt(2)


def exp_square(x: np.ndarray, factor: float) -> np.ndarray:
    """exp(factor x²) without the rounding error of x² = h² + (x - h) (x + h), where h has few bits.

    >>> exp_square(np.array([1.0]), -1.0).round(8)
    array([0.36787944])
    """
    x = np.clip(x, -1e4, 1e4)
    h = np.trunc(x * 16) / 16
    return np.exp(factor * h * h) * np.exp(factor * (x - h) * (x + h))


def _scaled_far(x: np.ndarray) -> np.ndarray:
    u = 1 / (x * x)
    return (_SQRT_PI - u * series(_P, u) / series(_Q, u)) / x


@in_double
def erfcx(x: np.ndarray) -> np.ndarray:
    """exp(x²) erfc(x).

    >>> erfcx(np.array([0.0, 1.0, 1e10])).round(8)
    array([1.        , 0.42758358, 0.        ])
    """
    regions = [
        (np.abs(x) <= _SMALL, lambda x: np.exp(x * x) * (1 - erf(x))),
        ((x > _SMALL) & (x <= 4), lambda x: _scaled_erfc(x, np.empty_like(x))),
        (x > 4, _scaled_far),
        (x < -_SMALL, lambda x: 2 * exp_square(x, 1.0) - erfcx(-x)),
    ]
    return by_region(regions, x)


def _lower_tail(x: np.ndarray) -> np.ndarray:
    """Φ(x) for x < 0, with full relative precision."""
    return 0.5 * exp_square(x, -0.5) * erfcx(-x / ROOT_2)


def ndtr(x: np.ndarray) -> np.ndarray:
    """Φ(x), the probability of the normal distribution below x.

    >>> ndtr(np.array([0.0, -10.0]))[0], f"{ndtr(np.array([-10.0]))[0]:.10g}"
    (np.float64(0.5), '7.619853024e-24')
    """
    return in_pieces(_ndtr_single, 10.0, x) if x.dtype.char in "ef" else _ndtr_double(x)


@silent
def _ndtr_single(x: np.ndarray) -> np.ndarray:
    return 0.5 * erfc_single(x * np.float64(-1 / ROOT_2))


@in_double
def _ndtr_double(x: np.ndarray) -> np.ndarray:
    regions = [
        (np.abs(x) <= 1, lambda x: 0.5 + 0.5 * erf(x / ROOT_2)),
        (x < -1, _lower_tail),
        (x > 1, lambda x: 1 - _lower_tail(-x)),
    ]
    return by_region(regions, x)


@in_double
def log_ndtr(x: np.ndarray) -> np.ndarray:
    """ln Φ(x).

    >>> log_ndtr(np.array([0.0, -100.0])).round(8)
    array([-6.93147180e-01, -5.00552421e+03])
    """
    regions = [
        (x < -1, lambda x: np.log(0.5 * erfcx(-x / ROOT_2)) - 0.5 * x * x),
        (x >= -1, lambda x: np.log1p(-0.5 * erfc(x / ROOT_2))),
    ]
    return by_region(regions, x)


# ------------------------------------------------------------------------------------- inverse

# numerators and denominators in 0.180625 - q², r - 1.6 and r - 5
_CENTRAL = (
    (
        *(3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4),
        *(4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    ),
    (
        *(1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3),
        *(2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
    ),
)
_TAIL = (
    (
        *(1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0),
        *(3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1),
        *(2.27238449892691845833e-2, 7.74545014278341407640e-4),
    ),
    (
        *(1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1),
        *(1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4),
        1.05075007164441684324e-9,
    ),
)
_FAR_TAIL = (
    (
        *(6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0),
        *(2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3),
        *(2.71155556874348757815e-5, 2.01033439929228813265e-7),
    ),
    (
        *(1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2),
        *(7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7),
        2.04426310338993978564e-15,
    ),
)


def _rational(coefficients: tuple, x: np.ndarray) -> np.ndarray:
    numerator, denominator = coefficients
    return series(numerator, x) / series(denominator, x)


def _quantile(q: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """The x with Φ(x) = 1/2 + q. The tail beyond it, 1/2 - abs(q), is given, as it would round."""
    r = np.sqrt(-np.log(tail))
    regions = [
        (np.abs(q) <= 0.425, lambda q, r: q * _rational(_CENTRAL, 0.180625 - q * q)),
        ((np.abs(q) > 0.425) & (r <= 5), lambda q, r: np.copysign(_rational(_TAIL, r - 1.6), q)),
        ((r > 5) & (r < np.inf), lambda q, r: np.copysign(_rational(_FAR_TAIL, r - 5), q)),
        (tail == 0, lambda q, r: np.copysign(np.inf, q)),
    ]
    return by_region(regions, q, r)


@in_double
def ndtri(p: np.ndarray) -> np.ndarray:
    """The inverse of :func:`ndtr`; NaN outside of [0, 1].

    >>> ndtri(np.array([0.0, 0.5, 0.975])).round(8)
    array([      -inf, 0.        , 1.95996398])
    """
    return _quantile(p - 0.5, np.minimum(p, 1 - p))


@in_double
def erfinv(x: np.ndarray) -> np.ndarray:
    """The inverse of the error function; NaN outside of [-1, 1].

    >>> erfinv(np.array([-1.0, 0.0, 0.5])).round(8)
    array([      -inf, 0.        , 0.47693628])
    """
    return _quantile(x / 2, (1 - np.abs(x)) / 2) / ROOT_2
