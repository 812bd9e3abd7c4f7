"""The logarithm of the gamma function, its derivatives, and Hurwitz's zeta function.

Formulas: M. Abramowitz and I. A. Stegun, *Handbook of Mathematical Functions* (A&S), chapter 6, and the NIST
*Digital Library of Mathematical Functions* (DLMF), chapters 5 and 25.
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.kernels.special.regions import by_region, in_double, series

LARGE = 10.0
"""From here on the asymptotic series, in 1/x², have double precision."""

# DLMF 5.7.3 at 2: lgamma(2 + z) = (1 - γ) z + Σ (-1)^k (ζ(k) - 1) z^k / k for k = 2, 3, ...; |z| <= 1/2
_AT_TWO = (
    0.42278433509846713939,
    0.32246703342411321824,
    -0.067352301053198095133,
    0.020580808427784547879,
    -0.0073855510286739852663,
    0.0028905103307415232858,
    -0.0011927539117032609771,
    0.00050966952474304242234,
    -0.00022315475845357937976,
    0.000099457512781808533715,
    -0.0000449262367381331417,
    0.000020507212775670691553,
    -9.439488275268395904e-6,
    4.3748667899074878042e-6,
    -2.0392157538013662368e-6,
    9.5514121304074198329e-7,
    -4.4924691987645660433e-7,
    2.1207184805554665869e-7,
    -1.0043224823968099609e-7,
    4.7698101693639805658e-8,
    -2.271109460894316491e-8,
    1.0838659214896954091e-8,
    -5.1834750419700466551e-9,
    2.4836745438024783172e-9,
    -1.1921401405860912074e-9,
    5.7313672416788620133e-10,
)

BERNOULLI = (
    *(1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798),
    *(-174611 / 330, 854513 / 138, -236364091 / 2730),
)
"""The numbers B_2, B_4, ..., B_24."""

_STIRLING = tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(BERNOULLI[:9], 1))
_DIGAMMA = tuple(b / (2 * k) for k, b in enumerate(BERNOULLI[:9], 1))


# ------------------------------------------------------------------------------------- logarithm of gamma


def stirling_correction(x: np.ndarray) -> np.ndarray:
    """ln Γ(x) - ((x - 1/2) ln x - x + ln √2π), for x >= 10 (A&S 6.1.41).

    >>> print(f"{stirling_correction(np.array([100.0]))[0]:.10g}")
    0.0008333305556
    """
    return series(_STIRLING, 1 / (x * x)) / x


def _lgamma_large(x: np.ndarray) -> np.ndarray:
    y = (x - 0.5) * (np.log(x) - 1) + (0.5 * math.log(2 * math.pi) - 0.5) + stirling_correction(x)
    return np.where(np.isinf(x), x, y)


def _near_two(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For 0 < x < 11: ln Γ(2 + z) with |z| <= 1/2, and the factors a and b of Γ(x) = Γ(2 + z) a / b, to which
    the recurrence Γ(x + 1) = x Γ(x) leads."""
    z, above, below = x.copy(), np.ones_like(x), np.ones_like(x)
    for _ in range(9):
        high = z >= 2.5
        z[high] -= 1
        above[high] *= z[high]
    for _ in range(2):
        low = z < 1.5
        below[low] *= z[low]
        z[low] += 1
    z = np.where((x >= 0.5) & (x < 1.5), x - 1, z - 2)  # x + 1 would round
    return z * series(_AT_TWO, z), above, below


def _lgamma_moderate(x: np.ndarray) -> np.ndarray:
    y, above, below = _near_two(x)
    near_one = (x >= 0.5) & (x < 1.5)  # below is x
    return y + np.log(above) - np.where(near_one, np.log1p(x - 1), np.log(below))


def gamma(x: np.ndarray) -> np.ndarray:
    """Γ(x) for 0 < x < 11.

    >>> gamma(np.array([0.5, 4.0])).round(8)
    array([1.77245385, 6.        ])
    """
    y, above, below = _near_two(x)
    return np.exp(y) * above / below


def lgamma_plus_1(x: np.ndarray) -> np.ndarray:
    """ln Γ(1 + x) for 0 <= x < 10, with full relative precision near 0.

    >>> print(f"{lgamma_plus_1(np.array([1e-20]))[0]:.8g}")
    -5.7721566e-21
    """
    z = np.where(x < 0.5, x, 0)
    return np.where(x < 0.5, z * series(_AT_TWO, z) - np.log1p(z), lgamma(1 + x))


def _lgamma_negative(x: np.ndarray) -> np.ndarray:
    """Euler's reflection Γ(x) Γ(1 - x) = π / sin πx (A&S 6.1.17)."""
    return np.log(np.pi / np.abs(sin_pi(x))) - lgamma(1 - x)


def sin_pi(x: np.ndarray) -> np.ndarray:
    """sin πx, with the period removed first, so that it is exact at integers.

    >>> sin_pi(np.array([1e15, 0.5, 1.5]))
    array([ 0.,  1., -1.])
    """
    half = np.rint(2 * x)
    rest = np.pi * (x - half / 2)
    quadrant = half % 4
    y = np.where(quadrant % 2 == 0, np.sin(rest), np.cos(rest))
    return np.where(quadrant >= 2, -y, y) + 0.0


@in_double
def lgamma(x: np.ndarray) -> np.ndarray:
    """ln |Γ(x)|; inf at 0 and the negative integers.

    >>> lgamma(np.array([1.0, 2.0, 0.5, -1.0])).round(8)
    array([0.        , 0.        , 0.57236494,        inf])
    """
    regions = [
        (x >= LARGE, _lgamma_large),
        ((x > 0) & (x < LARGE), _lgamma_moderate),
        (x < 0, _lgamma_negative),
        (((x <= 0) & (x == np.floor(x))), lambda x: np.full_like(x, np.inf)),
    ]
    return by_region(regions, x)


# ------------------------------------------------------------------------------------- digamma

_ROOT, _ROOT_REST = 1.4616321449683622, 9.549995429965697e-17  # the positive zero of ψ, as a sum

# ψ^(k)(root) / k! for k = 1, 2, ..., computed with 60 digits
_AT_ROOT = (
    0.9676722454476212,
    -0.4427631689835921,
    0.258499760955651,
    -0.16394270544240652,
    0.10782405069126237,
    -0.07219956125645471,
    0.04880428816414311,
    -0.03316112647484736,
    0.022597648232218104,
    -0.01542476590494896,
    0.010538791616612175,
    -0.007204534386356869,
    0.004926781395729853,
    -0.003369801655439328,
    0.002305126326734928,
    -0.0015769367714301972,
    0.0010788252019162967,
    -0.0007380709389960052,
    0.000504953265834602,
    -0.0003454680251063077,
    0.00023635601564027053,
    -0.00016170622091974803,
    0.0001106337276874741,
    -7.569179582195066e-05,
    5.178575795222081e-05,
    -3.5430070947659604e-05,
    2.424006611860132e-05,
    -1.6584242271854135e-05,
    1.134638458466385e-05,
    -7.762817668462094e-06,
    5.3110609208898636e-06,
    -3.6336507898010456e-06,
    2.486022733129538e-06,
    -1.7008538854332607e-06,
    1.1636675363548843e-06,
    -7.96142543124197e-07,
    5.446941930669446e-07,
    -3.7266161283438227e-07,
)


def _digamma_large(x: np.ndarray) -> np.ndarray:
    """The asymptotic series (A&S 6.3.18)."""
    u = 1 / x**2
    return np.log(x) - 0.5 / x - u * series(_DIGAMMA, u)


def _digamma_moderate(x: np.ndarray) -> np.ndarray:
    """0 < x < 10: ψ(x + 1) = ψ(x) + 1/x leads to the Taylor series at the zero of ψ, for 1 <= z <= 2."""
    z, y = x.copy(), np.zeros_like(x)
    for _ in range(int(LARGE) - 2):
        high = z > 2
        z[high] -= 1
        y[high] += 1 / z[high]
    z, y = np.where(x < 1, x + 1, z), np.where(x < 1, -1 / x, y)
    z = (z - _ROOT) - _ROOT_REST
    return z * series(_AT_ROOT, z) + y


def _digamma_negative(x: np.ndarray) -> np.ndarray:
    """ψ(x) = ψ(1 - x) - π cot πx (A&S 6.3.7)."""
    return digamma(1 - x) - np.pi * sin_pi(x + 0.5) / sin_pi(x)


@in_double
def digamma(x: np.ndarray) -> np.ndarray:
    """ψ(x) = d ln Γ / dx; -inf at 0, inf at -0.0, NaN at the negative integers.

    >>> digamma(np.array([1.0, 0.5])).round(8)
    array([-0.57721566, -1.96351003])
    """
    regions = [
        (x >= LARGE, _digamma_large),
        ((x > 0) & (x < LARGE), _digamma_moderate),
        ((x < 0) & (x != np.floor(x)), _digamma_negative),
        (x == 0, lambda x: np.copysign(np.inf, -x)),
    ]
    return by_region(regions, x)


# ------------------------------------------------------------------------------------- Hurwitz's zeta


_TERMS = 10


def _zeta_positive(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Σ (q + k)^-s by the formula of Euler and Maclaurin after 10 terms (DLMF 25.11.28)."""
    total = np.zeros_like(q)
    for k in range(_TERMS):
        total += (q + k) ** -s
    a = q + _TERMS
    power = a**-s
    correction, factor = 0.5 * power, s * power / a
    for k, b in enumerate(BERNOULLI, 1):
        correction += b / math.factorial(2 * k) * factor
        factor = factor * (s + 2 * k - 1) * (s + 2 * k) / (a * a)
        factor[~np.isfinite(factor)] = 0
    return total + a ** (1 - s) / (s - 1) + correction


def _zeta_negative(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """For integers s: the terms with q + k < 0 are, up to the sign (-1)^s, a finite sum from r = -q mod 1."""
    r = -q - np.floor(-q)
    sign = np.where(s % 2 == 0, 1.0, -1.0)
    return sign * (_zeta_positive(s, r) - _zeta_positive(s, 1 - q)) + _zeta_positive(s, 1 - r)


@in_double
def zeta(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """ζ(s, q) = Σ (q + k)^-s for k = 0, 1, 2, ... and s > 1.

    It is inf for s = 1 and at q = 0, -1, -2, ...; for other negative q it is defined for integers s only.

    >>> zeta(np.array([2.0]), np.array([1.0])).round(8)
    array([1.64493407])
    """
    s, q = np.broadcast_arrays(s, q)
    pole = (q <= 0) & (q == np.floor(q))
    regions = [
        ((s > 1) & (q > 0), _zeta_positive),
        ((s > 1) & (q < 0) & ~pole & (s == np.floor(s)), _zeta_negative),
        ((s > 1) & pole, lambda s, q: np.full_like(s, np.inf)),
        (s == 1, lambda s, q: np.where(np.isnan(q), q, np.inf)),
    ]
    return by_region(regions, s, q)


def polygamma(n: int, x: np.ndarray) -> np.ndarray:
    """The n-th derivative of ψ: (-1)^(n + 1) n! ζ(n + 1, x) for n >= 1 (A&S 6.4.10).

    >>> polygamma(1, np.array([1.0])).round(8)
    array([1.64493407])
    """
    if n == 0:
        return digamma(x)
    factor = math.factorial(n) if n <= 170 else math.inf
    wide = x.astype(np.float64, copy=False)
    y = zeta(np.full(wide.shape, n + 1.0), wide)
    return ((factor if n % 2 else -factor) * y).astype(x.dtype, copy=False)
