"""The Airy function and its derivative.

Formulas: NIST *Digital Library of Mathematical Functions* (DLMF), chapter 9; for the trapezoidal rule, L. N.
Trefethen and J. A. C. Weideman, "The exponentially convergent trapezoidal rule", SIAM Review 56 (2014); for
the products without rounding error, T. J. Dekker, "A floating-point technique for extending the available
precision", Numerische Mathematik 18 (1971).
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.kernels.special.regions import by_region, in_double, series

SMALL = 0.7
"""Up to here the power series lose less than two bits by cancellation."""

LARGE = 110.0
"""From here on Ai and its derivative are below the smallest number."""

_AT_0 = 0.35502805388781723926, -0.25881940379280679840
"""Ai(0) and Ai'(0)."""


def _power_series(first: int, derivative: int) -> tuple[float, ...]:
    """Those of x^first Σ c_k x^3k that solves y'' = xy (DLMF 9.4.1), or of its derivative."""
    found, c = [], 1.0
    for n in range(first, 24, 3):
        found.append(c * n if derivative else c)
        c /= (n + 2) * (n + 3)
    return tuple(found)


_EVEN, _ODD = (tuple(_power_series(first, derivative) for derivative in (0, 1)) for first in (0, 1))


def _near(derivative: int, x: np.ndarray) -> np.ndarray:
    """|x| <= 0.7 (DLMF 9.4.1, 9.4.2)."""
    cube = x * x * x
    if derivative:
        return _AT_0[0] * x * x * series(_EVEN[1][1:], cube) + _AT_0[1] * series(_ODD[1], cube)
    return _AT_0[0] * series(_EVEN[0], cube) + _AT_0[1] * x * series(_ODD[0], cube)


def _product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ab as a rounded number and the rounding error."""

    def halves(x):
        shifted = 134217729.0 * x  # 2^27 + 1
        high = shifted - (shifted - x)
        return high, x - high

    (a1, a2), (b1, b2), y = halves(a), halves(b), a * b
    return y, ((a1 * b1 - y) + a1 * b2 + a2 * b1) + a2 * b2


def _phase(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ζ = (2/3) z^(3/2) as a rounded number and a correction: an error of ζ is one of the phase, or a
    relative one of e^-ζ."""
    root = np.sqrt(z)
    square, error = _product(root, root)
    root_error = ((z - square) - error) / (2 * root)
    cube, error = _product(z, root)
    error = error + z * root_error
    zeta = cube * 2 / 3
    triple, triple_error = _product(zeta, np.full_like(z, 3.0))
    return zeta, (((2 * cube - triple) - triple_error) + 2 * error) / 3


def _falling(derivative: int, x: np.ndarray) -> np.ndarray:
    """x > 0 by K_ν(ζ) = ∫ e^(-ζ cosh t) cosh νt dt from 0 to ∞, with ν = 1/3 or 2/3 (DLMF 9.6.2, 9.6.3,
    10.32.9), by the trapezoidal rule: see :mod:`.bessel`."""
    order = (1 + derivative) / 3
    zeta, correction = _phase(x)
    step = np.minimum(0.2, 0.6 / np.sqrt(zeta))
    total = np.full_like(x, 0.5)
    for k in range(1, 30):
        t = k * step
        total += np.exp(-2 * zeta * np.sinh(t / 2) ** 2) * np.cosh(order * t)
    integral = step * total * np.exp(-zeta) * (1 - correction)
    factor = -x / math.sqrt(3) if derivative else np.sqrt(x / 3)
    return factor / math.pi * integral


def _oscillating(derivative: int, x: np.ndarray) -> np.ndarray:
    """x < 0 by the Hankel function H_ν(ζ) (DLMF 9.6.6, 9.6.7, 10.9.10), whose integral
    ∫ e^(iζ cosh t + νt) dt has its path moved to t = u + i gd(u), the Gudermannian. There cosh t is
    1 + i sinh u tanh u: nothing oscillates, and the trapezoidal rule converges exponentially."""
    order = (1 + derivative) / 3
    zeta, correction = _phase(-x)
    step = np.minimum(0.16, 0.35 / np.sqrt(zeta))
    real, imaginary = np.full_like(x, 0.5), np.full_like(x, 0.5)
    for k in range(1, 34):
        u = k * step
        secant, moved = 1 / np.cosh(u), order * np.arctan(np.sinh(u))
        size = np.exp(-zeta * np.sinh(u) * np.tanh(u))
        even, odd = np.cosh(order * u) * np.cos(moved), np.sinh(order * u) * np.sin(moved)
        real += size * (even - odd * secant)
        imaginary += size * (even * secant + odd)
    cosine, sine = np.cos(zeta), np.sin(zeta)
    small, near_1 = np.sin(correction), np.cos(correction)
    cosine, sine = cosine * near_1 - sine * small, sine * near_1 + cosine * small
    if derivative:
        return 2 / math.pi / math.sqrt(3) * step * x * (cosine * real - sine * imaginary)
    return 2 / math.pi * step * np.sqrt(-x / 3) * (sine * real + cosine * imaginary)


def _airy(derivative: int, x: np.ndarray) -> np.ndarray:
    return by_region(
        [
            (np.abs(x) <= SMALL, lambda x: _near(derivative, x)),
            ((x > SMALL) & (x <= LARGE), lambda x: _falling(derivative, x)),
            (x > LARGE, np.zeros_like),
            ((x < -SMALL) & (x > -np.inf), lambda x: _oscillating(derivative, x)),
        ],
        x,
    )


@in_double
def ai(x: np.ndarray) -> np.ndarray:
    """Ai(x).

    >>> ai(np.array([0.0, -2.0])).round(8)
    array([0.35502805, 0.22740743])
    """
    return _airy(0, x)


@in_double
def ai_prime(x: np.ndarray) -> np.ndarray:
    """Ai'(x).

    >>> ai_prime(np.array([0.0, -2.0])).round(8)
    array([-0.2588194 ,  0.61825902])
    """
    return _airy(1, x)
