"""The matrices of Winograd's convolution algorithms, derived exactly from their points.

The algorithm F(m, r) gives m outputs of a correlation with r taps, ``y[i] = sum over j of g[j] d[i + j]``,
with n = m + r - 1 multiplications instead of m r:

    y = A^T ((G g) * (B^T d))            * elementwise

Derivation (Toom-Cook, transposed). Polynomials a of degree m - 1 and b of degree r - 1 are multiplied by
evaluating both at n points, multiplying the values, and interpolating. Let V_k be the n x k Vandermonde
matrix of the points, ``V_k[i, j] = p_i^j``, where the point infinity has the row (0, ..., 0, 1), the leading
coefficient. Then

    a b = V_n^-1 ((V_m a) * (V_r b))

For fixed b this is a linear map of a: ``T = V_n^-1 diag(V_r b) V_m``, the n x m band matrix with
``T[i + j, i] = b[j]``. The correlation with g = b is its transpose,
``y = T^T d = V_m^T diag(V_r g) V_n^-T d``. Hence

    A^T = V_m^T,   G = V_r,   B^T = V_n^-T

In two dimensions each matrix is applied along rows and along columns. The points decide the rounding error:
small for points in pairs +-p and 1/p close to 1 (Barabasz, Anderson, Soodhalter and Gregg, ACM TOMS 46:4,
2020). The inverse is taken in rational numbers, so the entries are exact until they are rounded once to the
dtype.

Sources: A. Lavin and S. Gray, Fast algorithms for convolutional neural networks, CVPR 2016; S. Winograd,
Arithmetic complexity of computations, SIAM 1980.
"""

from fractions import Fraction
from functools import lru_cache

import numpy as np

# n: the finite points of F(m, r) with n = m + r - 1; infinity is added
POINTS: dict[int, tuple[Fraction, ...]] = {
    4: (Fraction(0), Fraction(1), Fraction(-1)),
    6: (Fraction(0), Fraction(2, 3), Fraction(-2, 3), Fraction(3, 2), Fraction(-3, 2)),
    7: tuple(Fraction(sign * p, 100) for p in (33, 84, 182) for sign in (1, -1)),
    8: tuple(Fraction(sign * p, 100) for p in (50, 98, 200) for sign in (1, -1)) + (Fraction(0),),
    9: tuple(Fraction(sign * p, 100) for p in (19, 65, 115, 230) for sign in (1, -1)),
    10: tuple(Fraction(sign * p, 100) for p in (42, 81, 122, 233) for sign in (1, -1)) + (Fraction(0),),
}


def vandermonde(points: tuple[Fraction, ...], columns: int) -> list[list[Fraction]]:
    """Rows (1, p, p^2, ...) for the points and (0, ..., 0, 1) for infinity."""
    return [[p**j for j in range(columns)] for p in points] + [
        [Fraction(j == columns - 1) for j in range(columns)]
    ]


def inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """The exact inverse, by Gauss-Jordan elimination."""
    n = len(matrix)
    rows = [[*row, *(Fraction(i == j) for j in range(n))] for i, row in enumerate(matrix)]
    for i in range(n):
        pivot = next(k for k in range(i, n) if rows[k][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(n):
            if k != i:
                factor = rows[k][i]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i])]
    return [row[n:] for row in rows]


@lru_cache
def matrices(m: int, dtype: np.dtype, r: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``A^T`` (m, n), ``G`` (n, r) and ``B^T`` (n, n) of F(m, r) with n = m + r - 1, read-only.

    >>> matrices(2, np.dtype(np.float64))[0]
    array([[ 1.,  1.,  1.,  0.],
           [ 0.,  1., -1.,  1.]])
    """
    points = POINTS[m + r - 1]
    exact = (
        list(zip(*vandermonde(points, m))),
        vandermonde(points, r),
        list(zip(*inverse(vandermonde(points, m + r - 1)))),
    )
    result = []
    for matrix in exact:
        rounded = np.array([[float(value) for value in row] for row in matrix]).astype(dtype)
        rounded.flags.writeable = False
        result.append(rounded)
    return result[0], result[1], result[2]
