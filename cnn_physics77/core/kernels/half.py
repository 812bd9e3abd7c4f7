"""Conversion of many numbers between half and single precision, which NumPy does one by one in software."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from cnn_physics77.core.kernels.elementwise import LARGE, PIECE
from cnn_physics77.core.kernels.runtime.layout import dense, flat_dense
from cnn_physics77.core.kernels.runtime.one_call import one_call
from cnn_physics77.core.kernels.runtime.tiling import for_blocks

_HALF, _SINGLE = np.dtype(np.float16), np.dtype(np.float32)

MICROSECONDS = 1.5e-3
"""Of one number."""


@cache
def _all_numbers() -> np.ndarray:
    """Every float16, by its bits."""
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


@one_call
def converted(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """float16 in float32, from a table, or float32 rounded to float16; by all threads. The order stays.

    >>> converted(np.array([1.5, -np.inf], np.float16), np.dtype("float32"))
    array([ 1.5, -inf], dtype=float32)
    """
    if x.size < LARGE:
        return x.astype(dtype)
    x = dense(x)
    y = np.empty_like(x, dtype=dtype)
    numbers, out = flat_dense(x), flat_dense(y)

    def widen(block: slice) -> None:
        for start in range(block.start, block.stop, PIECE):
            part = slice(start, min(start + PIECE, block.stop))
            np.take(_all_numbers(), numbers[part].view(np.uint16), out=out[part], mode="clip")

    def narrow(block: slice) -> None:
        np.copyto(out[block], numbers[block], casting="same_kind")

    for_blocks(widen if x.itemsize == 2 else narrow, x.size, 4, x.size * MICROSECONDS)
    return y


def rounded_once(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """A function of float16 numbers, computed in float32.

    >>> rounded_once(lambda x: x * x / 1000, np.array([300.0], np.float16))
    array([90.], dtype=float16)
    """
    return converted(function(converted(x, _SINGLE)), _HALF)
