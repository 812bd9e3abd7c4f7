"""Products and sums with one rounding, as processors compute them in one instruction."""

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent


@silent
def fused_multiply_add(a: np.ndarray, b: float, c: float) -> np.ndarray:
    """a b + c, in the dtype of a, rounded once: of float64 to within the last bit in rare cases.

    The rounding errors of the product and of the sum are computed exactly and added (T. J. Dekker, *A
    floating-point technique for extending the available precision*, 1971).

    >>> a, b, c = np.array([1.0 + 2.0**-30]), 1.0 + 2.0**-30, -1.0 - 2.0**-29
    >>> a * b + c, fused_multiply_add(a, b, c) == 2.0**-60
    (array([0.]), array([ True]))
    """
    if a.dtype.itemsize < 8:
        return (a.astype(np.float64) * b + c).astype(a.dtype)
    product = a * b
    high, top = _upper_half(a), _upper_half(np.float64(b))
    low, bottom = a - high, b - top
    lost = ((high * top - product) + high * bottom + low * top) + low * bottom
    y = product + c
    back = y - product
    lost = lost + ((product - (y - back)) + (c - back))
    return np.where(np.isfinite(lost), y + lost, y)


def _upper_half(x):
    """x without the lower half of its bits."""
    shifted = x * 134217729.0  # 2^27 + 1
    return shifted - (shifted - x)
