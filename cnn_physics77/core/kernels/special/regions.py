"""How a function is put together from formulas for parts of its domain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np

from cnn_physics77.core.kernels.elementwise import in_pieces


def in_double(kernel: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Decorator: the kernel gets float64 arrays, and its result is rounded to the dtype of the first.

    Raises:
        TypeError: an array is not of real floating numbers.
    """

    def widened(*arrays: np.ndarray) -> np.ndarray:
        return kernel(*(array.astype(np.float64, copy=False) for array in arrays))

    @wraps(kernel)
    def computed(*arrays: np.ndarray) -> np.ndarray:
        for array in arrays:
            if array.dtype.kind != "f":
                raise TypeError(f"expected real floating numbers, found {array.dtype}")
        with np.errstate(all="ignore"):  # what is out of range in one formula is another's
            return in_pieces(widened, 30.0, *np.broadcast_arrays(*arrays, subok=True))

    return computed


def by_region(regions: Sequence[tuple[np.ndarray, Callable]], *arrays: np.ndarray) -> np.ndarray:
    """``function(*arrays)`` in each region, with the arrays' elements there; NaN outside of all regions.

    Args:
        regions: masks of one shape, and functions of 1-D arrays. Later ones overwrite earlier ones.
        arrays: arrays of that shape.

    >>> x = np.array([-4.0, 4.0])
    >>> by_region([(x > 0, np.sqrt)], x)
    array([nan,  2.])
    """
    y = np.full(arrays[0].shape, np.nan)
    for mask, function in regions:
        if mask.any():
            y[mask] = function(*(array[mask] for array in arrays))
    return y


def series(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """c0 + c1 x + c2 x² + ... by Horner's rule.

    >>> series((1.0, 0.0, 2.0), np.array([3.0]))
    array([19.])
    """
    y = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        y *= x
        y += c
    return y
