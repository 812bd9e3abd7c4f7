"""Sums over axes of an array, whose rounding errors grow with the logarithm of the count.

NumPy adds pairwise along the axes that are innermost in memory, and one after the other along the others.
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.kernels.half import converted

_TOGETHER = 128
"""How many numbers are added one after the other."""

LONGEST_PRODUCT = 4096
"""How many numbers may be added by a product with ones, which is fast; BLAS adds them one after the other."""


def add_over(x, axis: tuple[int, ...], *, keepdims=False, dtype=None):
    """np.add.reduce. Where NumPy would add many numbers one after the other, sums of blocks are added."""
    if x.dtype.char == "e" and dtype == np.float32:
        x = converted(x, dtype)
    if x.size <= 4 * _TOGETHER or x.dtype.kind not in "fc":
        return np.add.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)
    if axis and x.flags.c_contiguous and min(axis) == x.ndim - len(axis):  # the most frequent case: one run
        return np.add.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)
    inner, outer = _pairwise_and_others(x.shape, x.strides, axis)
    if math.prod(x.shape[i] for i in outer) <= 4 * _TOGETHER:
        return np.add.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)
    if inner:
        x = np.add.reduce(x, axis=inner, dtype=dtype, keepdims=True)
    for i in outer:
        while x.shape[i] > _TOGETHER:
            x = _blocks_added(x, i, dtype)
        x = np.add.reduce(x, axis=i, dtype=dtype, keepdims=True)
    return x if keepdims else x.reshape([n for i, n in enumerate(x.shape) if i not in axis])


def _pairwise_and_others(shape, strides, axis) -> tuple[tuple[int, ...], list[int]]:
    """The axes of the sum that are one run in memory, the innermost, and the others from the inside.
    Repeated ones lie outside, as for NumPy."""
    axes = (i for i, n in enumerate(shape) if n != 1)
    from_inside = sorted(axes, key=lambda i: abs(strides[i]) or math.inf)
    run = 0
    for i, j in zip([None, *from_inside], from_inside, strict=False):
        if j not in axis or (i is not None and strides[j] != strides[i] * shape[i]):
            break
        run += 1
    return tuple(from_inside[:run]), [i for i in from_inside[run:] if i in axis]


def _blocks_added(x, axis: int, dtype):
    """The sums of blocks of x along the axis."""
    blocks, rest = divmod(x.shape[axis], _TOGETHER)
    before = (slice(None),) * axis
    whole = x[*before, : blocks * _TOGETHER]
    if math.prod(x.shape[axis + 1 :]) < _TOGETHER:  # distant rows: NumPy is slow on short neighbours
        parted, at = (_TOGETHER, blocks), axis
    else:
        parted, at = (blocks, _TOGETHER), axis + 1
    parts = np.add.reduce(whole.reshape(*x.shape[:axis], *parted, *x.shape[axis + 1 :]), axis=at, dtype=dtype)
    if rest:
        left = np.add.reduce(x[*before, blocks * _TOGETHER :], axis=axis, dtype=dtype, keepdims=True)
        parts = np.concatenate([parts, left], axis=axis)
    return parts
