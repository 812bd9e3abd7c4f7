"""Bessel functions of order 0 and 1.

Formulas: M. Abramowitz and I. A. Stegun, *Handbook of Mathematical Functions* (A&S), chapter 9; NIST *Digital
Library of Mathematical Functions* (DLMF), chapter 10; L. N. Trefethen and J. A. C. Weideman, "The
exponentially convergent trapezoidal rule", SIAM Review 56 (2014).
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.kernels.special.regions import by_region, in_double, series

LARGE = 25.0
"""From here on the asymptotic series have double precision."""

EULER = 0.57721566490153286061

_TERMS = 46  # of the power series in (x/2)², for |x| <= 25


def _asymptotic(order: int) -> tuple[float, ...]:
    """a_k = (4n² - 1²) (4n² - 3²) ... (4n² - (2k - 1)²) / (k! 8^k) (DLMF 10.17.1)."""
    a = [1.0]
    for k in range(1, 26):
        a.append(a[-1] * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k))
    return tuple(a)


_SERIES = tuple(
    tuple(1 / (math.factorial(k) * math.factorial(k + order)) for k in range(_TERMS)) for order in (0, 1)
)
_ASYMPTOTIC = _asymptotic(0), _asymptotic(1)

# ------------------------------------------------------------------------------------- I_n, growing

_GROWING = tuple(tuple(a if k % 2 == 0 else -a for k, a in enumerate(row)) for row in _ASYMPTOTIC)


def _scaled_i(order: int, x: np.ndarray) -> np.ndarray:
    """e^-|x| I_n(x): the power series (A&S 9.6.10), all of whose terms are positive; or the asymptotic series
    (A&S 9.7.1)."""
    y = np.abs(x)

    def near(y):
        return np.exp(-y) * (y / 2) ** order * series(_SERIES[order], y * y / 4)

    def far(y):
        return series(_GROWING[order], 1 / y) / np.sqrt(2 * np.pi * y)

    found = by_region([(y <= LARGE, near), (y > LARGE, far)], y)
    return np.copysign(found, x) if order else found


def _i(order: int, x: np.ndarray) -> np.ndarray:
    def near(x):
        return (x / 2) ** order * series(_SERIES[order], x * x / 4)

    def far(x):
        half = np.exp(np.abs(x) / 2)  # e^x may leave the range where the result does not
        return half * _scaled_i(order, x) * half

    return by_region([(np.abs(x) <= LARGE, near), (np.abs(x) > LARGE, far), (np.isinf(x), np.exp)], x)


@in_double
def i0(x: np.ndarray) -> np.ndarray:
    """I_0(x).

    >>> i0(np.array([0.0, 1.0])).round(8)
    array([1.        , 1.26606588])
    """
    return _i(0, np.abs(x))


@in_double
def i0e(x: np.ndarray) -> np.ndarray:
    """e^-|x| I_0(x).

    >>> i0e(np.array([0.0, 100.0])).round(8)
    array([1.        , 0.03994438])
    """
    return _scaled_i(0, x)


@in_double
def i1(x: np.ndarray) -> np.ndarray:
    """I_1(x).

    >>> i1(np.array([0.0, -1.0])).round(8)
    array([ 0.        , -0.5651591])
    """
    return np.copysign(_i(1, np.abs(x)), x)


@in_double
def i1e(x: np.ndarray) -> np.ndarray:
    """e^-|x| I_1(x).

    >>> i1e(np.array([0.0, -100.0])).round(8)
    array([ 0.        , -0.03974415])
    """
    return _scaled_i(1, x)


# ------------------------------------------------------------------------------------- K_n, falling


def _harmonic(n: int) -> float:
    return math.fsum(1 / k for k in range(1, n + 1))


# A&S 9.6.11: the coefficients of ψ(k + 1) + ψ(k + n + 1), half their sum for n = 0, with ψ(k + 1) = H_k - γ
_WITH_PSI = (
    tuple(c * _harmonic(k) for k, c in enumerate(_SERIES[0][:14])),
    tuple(c * (_harmonic(k) + _harmonic(k + 1)) for k, c in enumerate(_SERIES[1][:14])),
)


def _k_near(order: int, x: np.ndarray) -> np.ndarray:
    """0 < x < 1 (A&S 9.6.13 and 9.6.11)."""
    t, logarithm = x * x / 4, np.log(x / 2) + EULER
    if order == 0:
        return series(_WITH_PSI[0], t) - logarithm * series(_SERIES[0][:14], t)
    return 1 / x + logarithm * (x / 2) * series(_SERIES[1][:14], t) - x / 4 * series(_WITH_PSI[1], t)


def _scaled_k_far(order: int, x: np.ndarray) -> np.ndarray:
    """The integral e^x K_n(x) = ∫ e^(-x (cosh t - 1)) cosh nt dt from 0 to ∞ (DLMF 10.32.9) by the
    trapezoidal rule. The integrand is even, analytic and falls doubly exponentially, so the error falls
    exponentially with the number of points; with these steps it is below the rounding error."""
    step = np.minimum(0.2, 0.6 / np.sqrt(x))
    total = np.full_like(x, 0.5)
    for k in range(1, 26):
        t = k * step
        term = np.exp(-2 * x * np.sinh(t / 2) ** 2)
        total += term * np.cosh(t) if order else term
    return step * total


def _k(order: int, scaled: bool, x: np.ndarray) -> np.ndarray:
    def near(x):
        return _k_near(order, x) * np.exp(x) if scaled else _k_near(order, x)

    def far(x):
        return _scaled_k_far(order, x) if scaled else _scaled_k_far(order, x) * np.exp(-x)

    regions = [
        ((x > 0) & (x < 1), near),
        ((x >= 1) & (x < np.inf), far),
        (x == 0, lambda x: np.full_like(x, np.inf)),
        (x == np.inf, lambda x: np.zeros_like(x)),
    ]
    return by_region(regions, x)


@in_double
def k0(x: np.ndarray) -> np.ndarray:
    """K_0(x); inf at 0, NaN for negative x.

    >>> k0(np.array([0.1, 1.0])).round(8)
    array([2.42706902, 0.42102444])
    """
    return _k(0, False, x)


@in_double
def k1(x: np.ndarray) -> np.ndarray:
    """K_1(x); inf at 0, NaN for negative x.

    >>> k1(np.array([0.1, 1.0])).round(8)
    array([9.85384478, 0.60190723])
    """
    return _k(1, False, x)


@in_double
def k0e(x: np.ndarray) -> np.ndarray:
    """e^x K_0(x).

    >>> k0e(np.array([1.0, 100.0])).round(8)
    array([1.14446308, 0.12517562])
    """
    return _k(0, True, x)


@in_double
def k1e(x: np.ndarray) -> np.ndarray:
    """e^x K_1(x).

    >>> k1e(np.array([1.0, 100.0])).round(8)
    array([1.63615349, 0.12579995])
    """
    return _k(1, True, x)


# ------------------------------------------------------------------------------------- J_n and Y_n

_START = 60  # J_60(x) is below the rounding error for x <= 25
_ALTERNATING = tuple(tuple(-c if k % 2 else c for k, c in enumerate(row[:14])) for row in _SERIES)
_ALTERNATING_PSI = tuple(tuple(-c if k % 2 else c for k, c in enumerate(row)) for row in _WITH_PSI)


def _near(kind: str, order: int, x: np.ndarray) -> np.ndarray:
    """0 < x < 1: the power series (A&S 9.1.10, 9.1.11, 9.1.13)."""
    t = x * x / 4
    j = series(_ALTERNATING[order], t) * (x / 2) ** order
    if kind == "J":
        return j
    y = 2 * (np.log(x / 2) + EULER) * j - (x / 2) ** order * (2 - order) * series(_ALTERNATING_PSI[order], t)
    return (y - order * 2 / x) / np.pi


def _moderate(kind: str, order: int, x: np.ndarray) -> np.ndarray:
    """1 <= x < 25: J_n for all n by the recurrence J_{n-1} + J_{n+1} = (2n/x) J_n downwards, where it is
    stable, scaled by J_0 + 2 Σ J_2k = 1 (J. C. P. Miller; A&S 9.12, example 1). Y_0 is Neumann's series of
    them (A&S 9.1.89), and Y_1 = -Y_0'."""
    j = [np.zeros_like(x), np.full_like(x, 1e-200)]  # J_61, J_60, ...
    for n in range(_START, 0, -1):
        j.append(2 * n / x * j[-1] - j[-2])
    j = j[::-1]
    norm = j[0].copy()
    for k in range(2, _START + 1, 2):
        norm += 2 * j[k]
    if kind == "J":
        return j[order] / norm
    logarithm, y = np.log(x / 2) + EULER, np.zeros_like(x)
    for k in range(_START // 2 - 1, 0, -1):
        sign = 1 if k % 2 else -1
        y += (2 * sign / k) * j[2 * k] if order == 0 else (sign / k) * (j[2 * k + 1] - j[2 * k - 1])
    y += logarithm * j[0] if order == 0 else logarithm * j[1] - j[0] / x
    return 2 / np.pi * y / norm


def _far(kind: str, order: int, x: np.ndarray) -> np.ndarray:
    """25 <= x: Hankel's expansion (A&S 9.2.5 to 9.2.10)."""
    a, u = _ASYMPTOTIC[order], 1 / x
    p = series(tuple(-c if k % 2 else c for k, c in enumerate(a[::2])), u * u)
    q = series(tuple(-c if k % 2 else c for k, c in enumerate(a[1::2])), u * u) * u
    total, difference = np.sin(x) + np.cos(x), np.sin(x) - np.cos(x)
    cosine, sine = (
        (total, difference) if order == 0 else (difference, -total)
    )  # of x - (n/2 + 1/4) π, times √2
    wave = p * cosine - q * sine if kind == "J" else p * sine + q * cosine
    return wave / np.sqrt(np.pi * x)


def _oscillating(kind: str, order: int, x: np.ndarray) -> np.ndarray:
    regions = [
        ((x >= 0) & (x < 1), lambda x: _near(kind, order, x)),
        ((x >= 1) & (x < LARGE), lambda x: _moderate(kind, order, x)),
        ((x >= LARGE) & (x < np.inf), lambda x: _far(kind, order, x)),
        (x == np.inf, lambda x: np.zeros_like(x)),
    ]
    if kind == "Y":
        regions.append((x == 0, lambda x: np.full_like(x, -np.inf)))
    return by_region(regions, x)


@in_double
def j0(x: np.ndarray) -> np.ndarray:
    """J_0(x).

    >>> j0(np.array([0.0, -2.0])).round(8)
    array([1.        , 0.22389078])
    """
    return _oscillating("J", 0, np.abs(x))


@in_double
def j1(x: np.ndarray) -> np.ndarray:
    """J_1(x).

    >>> j1(np.array([0.0, -2.0])).round(8)
    array([ 0.        , -0.57672481])
    """
    y = _oscillating("J", 1, np.abs(x))
    return np.where(x < 0, -y, y)


@in_double
def y0(x: np.ndarray) -> np.ndarray:
    """Y_0(x); -inf at 0, NaN for negative x.

    >>> y0(np.array([0.1, 2.0])).round(8)
    array([-1.53423865,  0.51037567])
    """
    return _oscillating("Y", 0, x)


@in_double
def y1(x: np.ndarray) -> np.ndarray:
    """Y_1(x); -inf at 0, NaN for negative x.

    >>> y1(np.array([0.1, 2.0])).round(8)
    array([-6.45895109, -0.10703243])
    """
    return _oscillating("Y", 1, x)
