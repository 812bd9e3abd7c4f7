"""The regularized incomplete gamma functions P(a, x) and Q(a, x) = 1 - P(a, x).

Formulas: NIST *Digital Library of Mathematical Functions* (DLMF), chapter 8; W. H. Press et al., *Numerical
Recipes* (3rd ed. 2007), section 6.2, on which formula is used where; C. Loader, "Fast and accurate
computation of binomial probabilities" (2000), on the Poisson density without cancellation.
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.kernels.special.gamma import LARGE, gamma, lgamma_plus_1, stirling_correction
from cnn_physics77.core.kernels.special.regions import by_region, in_double, series

QUADRATURE = 100.0
"""From this a on the integrals are computed by quadrature, as series would need many terms."""

EPSILON = 2.0**-53
STEP = 0.09  # of the quadrature; the truncation error is below the rounding error

_ODD = tuple(2 / (2 * k + 3) for k in range(16))


def _deviance(a: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """μ - ln(1 + μ) with μ = distance / a, without cancellation for small μ: with r = μ / (2 + μ) it is
    μ r - 2 (r³/3 + r⁵/5 + ...)."""
    mu = distance / a
    small = np.abs(mu) < 0.4
    r = np.where(small, mu, 0) / (2 + mu)
    return np.where(small, mu * r - r**3 * series(_ODD, r * r), mu - np.log((a + distance) / a))


def _density_near(a: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """x^a e^-x / Γ(a + 1) for a >= 10 and x = a + distance: Stirling's formula for Γ."""
    exponent = -a * _deviance(a, distance) - stirling_correction(a)
    return np.exp(exponent) / np.sqrt(2 * np.pi) / np.sqrt(a)


def _density(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x^a e^-x / Γ(a + 1), the Poisson density."""

    def small(a, x):
        x = np.minimum(x, 1e4)  # it is 0 from there on
        return x**a * np.exp(-x) / gamma(a + 1)

    return by_region([(a < LARGE, small), (a >= LARGE, lambda a, x: _density_near(a, x - a))], a, x)


def _p_by_series(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """P = x^a e^-x / Γ(a + 1) Σ x^n / ((a + 1) ... (a + n)) (DLMF 8.7.1 and 8.11.4)."""
    term = total = np.ones_like(x)
    for n in range(1, 1000):
        term = term * x / (a + n)
        total = total + term
        if not (term > EPSILON * total).any():
            break
    return _density(a, x) * total


def _q_by_series(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Q = u - (1 - u) a Σ (-x)^n / ((a + n) n!), u = 1 - x^a / Γ(a + 1), for x <= 1.1 (DLMF 8.7.1)."""
    u = -np.expm1(a * np.log(x) - lgamma_plus_1(a))
    term, total = np.ones_like(x), np.zeros_like(x)
    for n in range(1, 25):
        term = -term * x / n
        total += term / (a + n)
    return u - (1 - u) * a * total


def _q_by_fraction(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The continued fraction Q = x^a e^-x / Γ(a) 1/(x + 1 - a - 1 (1 - a)/(x + 3 - a - ...)), x > a (DLMF
    8.9.2), from its front by W. J. Lentz's method."""
    b = x + 1 - a
    c, d = np.full_like(x, 1e300), 1 / b
    fraction = d.copy()
    for n in range(1, 2000):
        b = b + 2
        numerator = -n * (n - a)
        d, c = 1 / (numerator * d + b), b + numerator / c
        factor = c * d
        fraction = fraction * factor
        if not (np.abs(factor - 1) > EPSILON).any():
            break
    return _density(a, x) * a * fraction


def _nodes() -> list[tuple[float, float]]:
    """Nodes s and weights for integrals over s > 0 of what falls like e^-s or faster: the trapezoidal rule in
    v, s = exp(v - e^-v) (H. Takahasi and M. Mori, "Double exponential formulas for numerical integration",
    Publ. RIMS 9, 1974)."""
    found = []
    for k in range(-40, 41):
        v = STEP * k
        s = math.exp(v - math.exp(-v))
        found.append((s, STEP * s * (1 + math.exp(-v))))
    return found


_NODES = _nodes()


def _by_quadrature(upper: bool, a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The integral of the density t^(a - 1) e^-t / Γ(a) over the tail beyond x."""
    rate = np.abs(x - a) / x  # at which the logarithm of the density falls at x
    unit = 2 / (rate + np.sqrt(rate * rate + 4 / np.maximum(a, x)))
    unit = unit if upper else -unit
    total = np.zeros_like(x)
    for node, weight in _NODES:
        step = np.maximum(node * unit, -x)  # the density is 0 at t = 0
        total += weight * np.nan_to_num(_density_near(a, (x - a) + step) * (a / (x + step)), nan=0.0)
    return total * np.abs(unit)


def _regions(a: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, ...]:
    inside = (a > 0) & (x > 0) & (a < np.inf) & (x < np.inf)
    moderate = inside & (a < QUADRATURE)
    below = moderate & (x <= np.maximum(a, 1.1))
    few = below & (x <= 1.1) & (a <= 1)  # P may be near 1
    return moderate & ~below, below, few, inside & ~moderate


@in_double
def gammainc(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """P(a, x) = 1/Γ(a) ∫ t^(a - 1) e^-t dt from 0 to x; NaN for negative a or x.

    >>> gammainc(np.array([1.0, 1e6]), np.array([1.0, 1e6])).round(8)
    array([0.63212056, 0.50013298])
    """
    a, x = np.broadcast_arrays(a, x)
    above, below, _, large = _regions(a, x)
    regions = [
        (below, _p_by_series),
        (above, lambda a, x: 1 - _q_by_fraction(a, x)),
        (large & (x <= a), lambda a, x: _by_quadrature(False, a, x)),
        (large & (x > a), lambda a, x: 1 - _by_quadrature(True, a, x)),
        *_at_edges(a, x, 0.0),
    ]
    return by_region(regions, a, x)


@in_double
def gammaincc(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Q(a, x) = 1/Γ(a) ∫ t^(a - 1) e^-t dt from x to ∞; NaN for negative a or x.

    >>> gammaincc(np.array([1.0, 1e6]), np.array([1.0, 1e6])).round(8)
    array([0.36787944, 0.49986702])
    """
    a, x = np.broadcast_arrays(a, x)
    above, below, few, large = _regions(a, x)
    regions = [
        (below, lambda a, x: 1 - _p_by_series(a, x)),
        (few, _q_by_series),
        (above, _q_by_fraction),
        (large & (x <= a), lambda a, x: 1 - _by_quadrature(False, a, x)),
        (large & (x > a), lambda a, x: _by_quadrature(True, a, x)),
        *_at_edges(a, x, 1.0),
    ]
    return by_region(regions, a, x)


def _at_edges(a: np.ndarray, x: np.ndarray, at_zero: float) -> list:
    """The limits: all of the distribution is at 0 for a = 0, and at infinity for a = ∞."""
    return [
        ((x == 0) & (a > 0), lambda a, x: np.full_like(x, at_zero)),
        ((a == 0) & (x > 0), lambda a, x: np.full_like(x, 1 - at_zero)),
        ((x == np.inf) & (a >= 0) & (a < np.inf), lambda a, x: np.full_like(x, 1 - at_zero)),
        ((a == np.inf) & (x >= 0) & (x < np.inf), lambda a, x: np.full_like(x, at_zero)),
    ]
