"""The elementwise error function and its complement, which NumPy does not have.

float64: W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), with
the coefficients of his program CALERF: a rational function of x^2 for small |x|, otherwise exp(-x^2) times a
rational function of |x| or 1/x^2. The relative errors of both functions are a few units in the last place.

float32: erf from two polynomials, interpolated at Chebyshev points for this module: x p(x^2) for |x| < 1,
otherwise erf(1) + erfc(1) (1 - exp(w q(w))) with w = |x| - 1. The errors are at most 2.5 units in the last
place. erfc as exp(-x^2) t p(t) in double precision, with t = 1 / (1 + 0.3 |x|) (the form of C. Hastings,
Approximations for Digital Computers, 1955) and a p of this module, whose relative error is 4e-10.

float16 is computed in the next wider type.
"""

import numpy as np

from cnn_physics77.core.kernels.elementwise import elementwise, in_pieces, polynomial, temporary
from cnn_physics77.core.kernels.half import rounded_once

# Cody's coefficients, starting with the constant. |x| <= 0.46875: erf(x) = x A(x^2) / B(x^2)
_A = (
    3.20937758913846947e3,
    3.77485237685302021e2,
    1.13864154151050156e2,
    3.16112374387056560,
    1.85777706184603153e-1,
)
_B = (2.84423683343917062e3, 1.28261652607737228e3, 2.44024637934444173e2, 2.36012909523441209e1, 1.0)
# 0.46875 <= x <= 4: erfc(x) = exp(-x^2) C(x) / D(x)
_C = (
    1.23033935479799725e3,
    2.05107837782607147e3,
    1.71204761263407058e3,
    8.81952221241769090e2,
    2.98635138197400131e2,
    6.61191906371416295e1,
    8.88314979438837594,
    5.64188496988670089e-1,
    2.15311535474403846e-8,
)
_D = (
    1.23033935480374942e3,
    3.43936767414372164e3,
    4.36261909014324716e3,
    3.29079923573345963e3,
    1.62138957456669019e3,
    5.37181101862009858e2,
    1.17693950891312499e2,
    1.57449261107098347e1,
    1.0,
)
# x >= 4, u = 1 / x^2: erfc(x) = exp(-x^2) / x (1 / sqrt(pi) - u P(u) / Q(u))
_P = (
    6.58749161529837803e-4,
    1.60837851487422766e-2,
    1.25781726111229246e-1,
    3.60344899949804439e-1,
    3.05326634961232344e-1,
    1.63153871373020978e-2,
)
_Q = (
    2.33520497626869185e-3,
    6.05183413124413191e-2,
    5.27905102951428412e-1,
    1.87295284992346725,
    2.56852019228982242,
    1.0,
)
_SMALL = 0.46875
_SQRT_PI = 5.6418958354775628695e-1  # 1 / sqrt(pi)

# float32: |x| < 1, in x^2; and w q(w), w = |x| - 1 in [0, 3]
_NEAR = (
    1.1283791261787366,
    -0.3761234377532587,
    0.11280316652496737,
    -0.026715054232136642,
    0.004921762027808068,
    -0.0005648059865469198,
)
_FAR = (
    0.0,
    -2.6389675521010645,
    -0.8431056002987036,
    -0.041574147419465225,
    0.01007669756583885,
    -0.002054184529072245,
    0.00032044151738766014,
    -3.304898286087423e-05,
    1.6480517548849187e-06,
)
# erfc(1) as the first polynomial gives it in float32, so that erf reaches 1 exactly
_ERFC_1 = 1 - polynomial(_NEAR, np.ones(1, np.float32), np.empty(1, np.float32))[0]

# float32: exp(x^2) erfc(x) = t p(t), t = 1 / (1 + 0.3 x), for 0 <= x <= 10.2, where erfc leaves float32
_TAIL_SCALE = 0.3
_TAIL = (
    0.16927568670312282,
    0.16881492533921844,
    0.16625117383807045,
    0.11824017500405858,
    0.23631651917896504,
    -0.20286448080900188,
    0.6287071494397015,
    -0.6587474577413335,
    0.5879645329627097,
    -0.24481510682359622,
    0.026534249302934146,
    0.004322633707081738,
)


def erf(x: np.ndarray) -> np.ndarray:
    """erf(x) = 2 / sqrt(pi) * integral of exp(-t^2) for t from 0 to x. x: floating; the same shape and dtype.

    >>> erf(np.array([-np.inf, 0.0, 0.5])).round(8)
    array([-1.        ,  0.        ,  0.52049988])
    """
    if x.dtype == np.float16:
        return rounded_once(erf, x)
    return elementwise(erf_block, 5.0 if x.itemsize == 4 else 12.0, x)


def erfc(x: np.ndarray) -> np.ndarray:
    """1 - erf(x), with full relative precision where it is small. x: floating; the same shape and dtype.

    >>> print(f"{erfc(np.array([10.0]))[0]:.12g}")
    2.08848758376e-45
    """
    if x.itemsize < 8:
        return in_pieces(lambda x: erfc_single(x.astype(np.float64)), 10.0, x)
    return in_pieces(_erfc, 20.0, x)


def erf_block(x: np.ndarray, out: np.ndarray) -> None:
    """erf of one piece, float32 or float64. ``out`` may be x."""
    if x.dtype == np.float32:
        _erf_single(x, out)
        return
    y = np.abs(x, out=temporary("erf.abs", x))
    small = np.less_equal(y, _SMALL, out=temporary("erf.small", x, bool))
    near = _erf_near(x, np.minimum(y, _SMALL, out=temporary("erf.square", x)), temporary("erf.near", x))
    np.minimum(y, 6.0, out=y)  # erf is 1 in float64 from there
    far = _scaled_erfc(y, temporary("erf.far", x))
    np.multiply(y, y, out=y)
    np.exp(np.negative(y, out=y), out=y)
    np.multiply(far, y, out=far)
    np.copysign(np.subtract(1.0, far, out=far), x, out=far)
    np.copyto(out, np.where(small, near, far))


def _erf_single(x: np.ndarray, out: np.ndarray) -> None:
    """erf(min(t, 1)) + erfc(1) (1 - exp(w q(w))), with t = |x| and w = t - 1 clipped to [0, 3]."""
    t = np.abs(x, out=temporary("erf.abs", x))
    w = np.subtract(t, 1, out=temporary("erf.beyond", x))
    np.clip(w, 0, 3, out=w)
    far = polynomial(_FAR, w, temporary("erf.far", x))
    np.exp(far, out=far)
    np.subtract(1, far, out=far)
    np.multiply(far, _ERFC_1, out=far)
    np.clip(t, 0, 1, out=t)
    square = np.multiply(t, t, out=w)
    near = polynomial(_NEAR, square, temporary("erf.near", x))
    np.multiply(near, t, out=near)
    np.add(near, far, out=near)
    np.copysign(near, x, out=out)


def erfc_single(x: np.ndarray) -> np.ndarray:
    """erfc of float64 numbers to the precision of float32. x is overwritten.

    >>> erfc_single(np.array([-np.inf, 0.0, 5.0])).astype(np.float32)
    array([2.0000000e+00, 1.0000000e+00, 1.5374598e-12], dtype=float32)
    """
    y = np.abs(x, out=temporary("erfc.abs", x))
    t = np.multiply(y, _TAIL_SCALE, out=temporary("erfc.t", x))
    np.reciprocal(np.add(t, 1, out=t), out=t)
    tail = np.multiply(polynomial(_TAIL, t, temporary("erfc.tail", x)), t, out=t)
    np.multiply(y, y, out=y)
    np.multiply(tail, np.exp(np.negative(y, out=y), out=y), out=tail)
    sign = np.copysign(1.0, x, out=y)  # 0 + tail where x is positive, 2 - tail elsewhere
    np.multiply(tail, sign, out=tail)
    return np.add(tail, np.subtract(1, sign, out=sign), out=x)


def _erf_near(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
    """erf(x) for |x| <= 0.46875; y = |x|, clipped, is overwritten."""
    square = np.multiply(y, y, out=y)
    polynomial(_A, square, out)
    np.divide(out, polynomial(_B, square, temporary("erf.denominator", y)), out=out)
    return np.multiply(out, x, out=out)


def _scaled_erfc(y: np.ndarray, out: np.ndarray) -> np.ndarray:
    """exp(y^2) erfc(y) for 0.46875 <= y <= 4, and with an error of 1e-9 up to 6."""
    polynomial(_C, y, out)
    return np.divide(out, polynomial(_D, y, temporary("erf.denominator", y)), out=out)


def _exp_minus_square(y: np.ndarray) -> np.ndarray:
    """exp(-y^2) without the rounding error of y^2 = h^2 + r (y + h), where y = h + r and h has few bits."""
    h = np.trunc(y * 16) / 16
    return np.exp(-h * h) * np.exp(-(y - h) * (y + h))


def _erfc(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64, copy=False)
    y = np.abs(x)
    near = 1 - _erf_near(x, np.minimum(y, _SMALL), np.empty_like(x))
    middle = np.clip(y, _SMALL, 4.0)
    result = _scaled_erfc(middle, np.empty_like(x)) * _exp_minus_square(middle)
    large = y > 4
    if large.any():
        z = np.minimum(y[large], 27.5)  # beyond 27.3 erfc is 0
        u = 1 / (z * z)
        tail = u * polynomial(_P, u, np.empty_like(u)) / polynomial(_Q, u, np.empty_like(u))
        result[large] = (_SQRT_PI - tail) / z * _exp_minus_square(z)
    np.subtract(2, result, out=result, where=x < 0)
    result = np.where(y <= _SMALL, near, result)
    result[np.isnan(x)] = np.nan
    return result
