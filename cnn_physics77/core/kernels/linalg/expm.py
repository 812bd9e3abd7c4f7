"""The exponential of matrices."""

from __future__ import annotations

from math import factorial

import numpy as np

from cnn_physics77.core.kernels.runtime.one_call import one_call

DEGREE = 13
BOUND = 5.371920351148152
"""The 1-norm up to which the Padé approximant of this degree is exact in double precision."""

_PADE = [
    factorial(2 * DEGREE - k)
    // (factorial(k) * factorial(DEGREE - k))
    / (factorial(2 * DEGREE) // factorial(DEGREE))
    for k in range(DEGREE + 1)
]


@one_call
def expm(a: np.ndarray) -> np.ndarray:
    r"""e^a for matrices (..., N, N), by scaling and squaring:

    .. math:: e^a = (e^{a / 2^s})^{2^s}, \qquad e^x \approx q(-x)^{-1} q(x), \qquad
        q(x) = \sum_k \frac{(26 - k)!\, 13!}{26!\, k!\, (13 - k)!} x^k

    Source: N. Higham, "The scaling and squaring method for the matrix exponential revisited" (2005),
    algorithm 2.3 with degree 13.
    """
    norms = np.abs(a).sum(-2).max(-1, initial=0)
    finite = np.isfinite(norms)
    a = np.where(finite[..., None, None], a, 0)
    squarings = np.maximum(
        0, np.ceil(np.log2(np.where(finite, norms, 0) / BOUND, where=norms > 0, out=np.zeros_like(norms)))
    )
    x = (a / np.exp2(squarings)[..., None, None]).astype(a.dtype)
    even, odd = _parts(x)
    y = np.linalg.solve(even - odd, even + odd)
    for step in range(int(squarings.max(initial=0))):
        more = (squarings > step)[..., None, None]
        y = np.where(more, y @ y, y)
    return np.where(finite[..., None, None], y, a.dtype.type(np.nan))


def _parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The even and the odd part of q(x), by Horner's scheme in x²."""
    square, identity = x @ x, np.eye(x.shape[-1], dtype=x.dtype)
    even, odd = (np.broadcast_to(_PADE[k] * identity, x.shape).astype(x.dtype) for k in (DEGREE - 1, DEGREE))
    for k in range(DEGREE - 3, -1, -2):
        even = square @ even + x.dtype.type(_PADE[k]) * identity
        odd = square @ odd + x.dtype.type(_PADE[k + 1]) * identity
    return even, x @ odd
