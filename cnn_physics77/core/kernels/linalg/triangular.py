"""Triangular systems of equations, by substitution."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.kernels.runtime.one_call import one_call

BLOCK = 64
"""Rows that are substituted one by one. What follows from them for the other rows is one matrix product."""


@one_call
def solve_triangular(a: np.ndarray, b: np.ndarray, upper: bool, unit: bool) -> np.ndarray:
    """x with a x = b, for triangular matrices a (..., N, N) and b (..., N, K); leading dimensions broadcast.

    A zero on the diagonal gives infinity or NaN.

    Args:
        upper: which triangle of a is read.
        unit: whether the diagonal counts as ones, and is not read either.
    """
    n = a.shape[-1]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = np.array(np.broadcast_to(b, (*batch, *b.shape[-2:])), order="C")
    starts = range(0, n, BLOCK)
    for start in reversed(starts) if upper else starts:
        stop = min(start + BLOCK, n)
        for i in range(stop - 1, start - 1, -1) if upper else range(start, stop):
            known = slice(i + 1, stop) if upper else slice(start, i)
            x[..., i, :] -= (a[..., i, None, known] @ x[..., known, :])[..., 0, :]
            if not unit:
                x[..., i, :] /= a[..., i, i, None]
        rest = slice(0, start) if upper else slice(stop, n)
        x[..., rest, :] -= a[..., rest, start:stop] @ x[..., start:stop, :]
    return x
