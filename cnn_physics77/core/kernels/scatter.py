"""Elements at indices along an axis, and addition of values at indices that may occur several times.

NumPy's ``add.at`` is fast for a flat array with flat positions, and slow otherwise. So the flat positions
:math:`\\sum_k i_k s_k`, with the strides s, are computed first.
"""

from __future__ import annotations

from math import prod

import numpy as np

from cnn_physics77.core.backend.dtypes import accumulator
from cnn_physics77.core.kernels.runtime.tiling import for_blocks

LARGE = 1 << 14
"""Fewer elements are taken by one call of NumPy."""


def add_at(out: np.ndarray, key: tuple, values: np.ndarray) -> None:
    """``out[key] += values``, where an index that occurs several times gets the sum of its values.

    Args:
        out: contiguous.
        key: an integer array or ``slice(None)`` for each axis, or a boolean array for several axes. Missing
            entries count as ``slice(None)``.
        values: of the shape of ``out[key]``.

    >>> out = np.zeros(3)
    >>> add_at(out, (np.array([0, 2, 0]),), np.array([1.0, 2.0, 3.0]))
    >>> out
    array([4., 0., 2.])
    """
    if len(key) == 1 and key[0].dtype == bool:
        out[key] += values
    else:
        _add(out.reshape(-1), flat_positions(out.shape, key).reshape(-1), values.reshape(-1))


def add_along(out: np.ndarray, index: np.ndarray, axis: int, values: np.ndarray) -> None:
    """``out[..., index[..., i, ...], ...] += values[..., i, ...]``, with the index at ``axis``.

    ``out`` is contiguous. ``index`` and ``values`` have one shape, which along other axes is not larger than
    that of ``out``.

    >>> out = np.zeros((2, 3))
    >>> add_along(out, np.array([[0, 0], [2, 1]]), 1, np.ones((2, 2)))
    >>> out
    array([[2., 0., 0.],
           [0., 1., 1.]])
    """
    _add(out.reshape(-1), positions_along(out.shape, index, axis).reshape(-1), values.reshape(-1))


def take_along(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    """``numpy.take_along_axis`` for indices that are not negative. Where they repeat themselves along the
    last axis, or the one before it, whole rows or columns are taken; else rows are divided among the threads.

    >>> take_along(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1, 1], [0, 1]]), 1)
    array([[2., 2.],
           [3., 4.]])
    """
    others = (*x.shape[:axis], *x.shape[axis + 1 :]) == (*index.shape[:axis], *index.shape[axis + 1 :])
    if index.size < LARGE or not others or not x.flags.c_contiguous:
        return np.take_along_axis(x, index, axis)
    n, count = x.shape[axis], index.shape[axis]
    if axis == x.ndim - 2 and index.strides[-1] == 0:
        of_matrices = index[..., 0].reshape(-1, count)
        row = of_matrices + np.arange(len(of_matrices))[:, None] * n
        return np.take(x.reshape(-1, x.shape[-1]), row.reshape(-1), 0).reshape(index.shape)
    if axis != x.ndim - 1:
        return np.take_along_axis(x, index, axis)
    if x.ndim > 1 and index.strides[-2] == 0 and index.shape[-2] * count >= LARGE:
        columns = index[..., 0, :].reshape(-1, count)
        return _take_columns(x.reshape(len(columns), -1, n), columns).reshape(index.shape)
    y = np.empty(index.shape, x.dtype, like=x)
    elements, places, target = x.reshape(-1), index.reshape(-1, count), y.reshape(-1, count)
    starts = np.arange(len(places))[:, None] * n

    def block(part: slice) -> None:
        target[part] = elements.take(places[part] + starts[part])

    for_blocks(block, len(places), 8 * count, index.size * 2e-3)
    return y


def _take_columns(x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """y_ijk = x_(i, j, index_ik)."""
    y = np.empty((*x.shape[:2], index.shape[1]), x.dtype, like=x)

    def block(part: slice) -> None:
        for matrix, places, target in zip(x[part], index[part], y[part]):
            target[...] = np.take(matrix, places, 1)

    for_blocks(block, len(y), y[:1].nbytes, y.size * 1e-3)
    return y


def _add(out: np.ndarray, positions: np.ndarray, values: np.ndarray) -> None:
    wide = accumulator(out.dtype)
    if wide == out.dtype:
        np.add.at(out, positions, values)
    else:
        total = out.astype(wide)
        np.add.at(total, positions, values.astype(wide))
        out[...] = total


def flat_positions(shape: tuple[int, ...], key: tuple) -> np.ndarray:
    """The positions of the elements of ``x[key]`` in a flattened x of that shape.

    >>> flat_positions((2, 3), (slice(None), np.array([2, 0])))
    array([[2, 0],
           [5, 3]])
    """
    parts: list = []
    for part in key:
        if isinstance(part, slice):
            parts.append(None)
        elif part.dtype == bool:
            parts += part.nonzero()
        else:
            parts.append(part)
    parts += [None] * (len(shape) - len(parts))
    arrays = [part for part in parts if part is not None]
    places = [axis for axis, part in enumerate(parts) if part is not None]
    # NumPy puts the axes of the index in the place of the arrays, or first if the arrays are not adjacent.
    first = places[0] if places[-1] - places[0] == len(places) - 1 else 0
    inner = np.broadcast_shapes(*(a.shape for a in arrays))
    ndim = len(inner) + len(shape) - len(arrays)
    before = [axis for axis, part in enumerate(parts) if part is None][:first]
    result = np.zeros((1,) * ndim, np.intp)
    free = 0
    for axis, part in enumerate(parts):
        stride = prod(shape[axis + 1 :])
        if part is None:
            place = free if axis in before else free + len(inner)
            free += 1
            steps = np.arange(shape[axis], dtype=np.intp) * stride
            result = result + steps.reshape((-1,) + (1,) * (ndim - 1 - place))
        else:
            steps = np.where(part < 0, part + shape[axis], part).astype(np.intp, copy=False) * stride
            result = result + steps.reshape(steps.shape + (1,) * (ndim - first - len(inner)))
    return np.broadcast_to(
        result,
        tuple(shape[a] for a in before)
        + inner
        + tuple(n for a, n in enumerate(shape) if parts[a] is None and a not in before),
    )


def positions_along(shape: tuple[int, ...], index: np.ndarray, axis: int) -> np.ndarray:
    """The positions of the elements of ``take_along_axis(x, index, axis)`` in a flattened x of that shape.

    >>> positions_along((2, 3), np.array([[0, 0], [2, 1]]), 1)
    array([[0, 0],
           [5, 4]])
    """
    # axes along which the index repeats itself are added last, so that what is before them is small
    repeated = [other for other, stride in enumerate(index.strides) if stride == 0 and other != axis]
    once = index[tuple(slice(1) if other in repeated else slice(None) for other in range(index.ndim))]
    result = once.astype(np.intp, copy=False) * prod(shape[axis + 1 :])
    for other in sorted(set(range(index.ndim)) - {axis}, key=lambda other: other in repeated):
        steps = np.arange(index.shape[other], dtype=np.intp) * prod(shape[other + 1 :])
        result = result + steps.reshape((-1,) + (1,) * (index.ndim - 1 - other))
    return result
