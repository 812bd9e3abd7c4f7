"""Memory order.

The memory order of an array of shape (N, C, H, W) may be N, C, H, W or, channels-last, N, H, W, C. Both are
*dense*: without gaps, repeats or reversed axes. Elementwise work is fastest on one long row, so the kernels
use the `flat` view of a dense array, and their results have the memory order of the input.
"""

import numpy as np

from cnn_physics77.core.kernels.runtime.scratch import scratch


def flat(x: np.ndarray) -> np.ndarray | None:
    """The elements of a dense array as a one-dimensional view, in memory order; None if x is not dense.

    >>> x = np.arange(6.0).reshape(2, 3)
    >>> flat(x.T)
    array([0., 1., 2., 3., 4., 5.])
    >>> flat(x[:, ::2]) is None
    True
    """
    flags = x.flags
    if flags.c_contiguous:
        return x.reshape(-1)
    if flags.f_contiguous:
        return x.T.reshape(-1)
    y = x.transpose(sorted(range(x.ndim), key=lambda axis: -x.strides[axis]))
    return y.reshape(-1) if y.flags.c_contiguous else None


def flat_dense(x: np.ndarray) -> np.ndarray:
    """`flat` of an array that is known to be dense."""
    row = flat(x)
    assert row is not None
    return row


def memory_axes(x: np.ndarray) -> list[int]:
    """The axes from the longest stride to the shortest, as PyTorch orders those of a copy. An axis along
    which x repeats itself keeps its place among its neighbours; of equal strides the longer axis is first.

    >>> memory_axes(np.zeros((2, 3)).T), memory_axes(np.broadcast_to(np.zeros((1, 3)), (2, 3)))
    ([1, 0], [0, 1])
    """
    shape, strides = x.shape, [abs(stride) for stride in x.strides]
    if 0 not in strides:
        return sorted(range(x.ndim), key=lambda axis: (-strides[axis], -shape[axis]))
    axes = list(range(x.ndim))
    for i in reversed(range(x.ndim)):
        for j in range(i + 1, x.ndim):  # sinks until one of a longer stride, past those that say nothing
            outer, inner = axes[i], axes[j]
            if 0 in (strides[outer], strides[inner]):
                continue
            if (strides[outer], shape[outer]) >= (strides[inner], shape[inner]):
                break
            axes[i], axes[j], i = inner, outer, j
    return axes


def prototype(x: np.ndarray) -> np.ndarray:
    """An array in whose memory order copies of x lie: x itself, if it does not repeat itself on an axis."""
    if 0 not in x.strides or not x.size:
        return x
    axes = memory_axes(x)
    y = np.empty([x.shape[axis] for axis in axes], x.dtype, like=x)
    return y.transpose([axes.index(axis) for axis in range(x.ndim)])


def copied(x: np.ndarray, dtype: np.typing.DTypeLike | None = None) -> np.ndarray:
    """A copy, in another dtype if one is given, in the memory order of x as PyTorch's preserve_format has it.

    >>> copied(np.broadcast_to(np.zeros((1, 3)), (2, 3))).strides
    (24, 8)
    """
    y = np.empty_like(prototype(x), dtype=dtype)
    y[...] = x
    return y


def dense(x: np.ndarray) -> np.ndarray:
    """x itself if it is dense, else a dense copy, which keeps the memory order of the axes if x has one."""
    if flat(x) is not None:
        return x
    y = copied(x)
    return y if flat(y) is not None else x.copy()


def in_order_of(x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """x itself if it has the memory order of the dense ``like`` (of equal shape), else a copy that has."""
    if x.strides == like.strides and x.itemsize == like.itemsize:
        return x
    if all(
        n == 1 or a * like.itemsize == b * x.itemsize for n, a, b in zip(x.shape, x.strides, like.strides)
    ):
        return x
    y = np.empty_like(like, dtype=x.dtype)
    np.copyto(y, x)
    return y


def empty(shape: tuple[int, ...], like: np.ndarray, dtype: np.typing.DTypeLike | None = None) -> np.ndarray:
    """A new array of ``shape`` with the memory order of ``like``.

    >>> channels_last = np.zeros((1, 7, 7, 3)).transpose(0, 3, 1, 2)
    >>> empty((2, 3, 4, 5), channels_last).transpose(0, 2, 3, 1).flags.c_contiguous
    True
    """
    return np.empty_like(like, shape=shape, dtype=dtype)


def contiguous(x: np.ndarray) -> np.ndarray:
    """x itself if it is in C order, else a copy that is."""
    return x if x.flags.c_contiguous else x.copy()


def is_view(array: np.ndarray) -> bool:
    """Whether an array lies in the memory of another one. An array of a subclass (a recording one) counts as
    the plain one that it is made of.

    >>> x = np.zeros((2, 3))
    >>> is_view(x), is_view(x.T)
    (False, True)
    """
    base = array.base
    if base is None or type(array) is np.ndarray:
        return base is not None
    return getattr(base, "base", None) is not None


def strided(x: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> np.ndarray:
    """A view of a contiguous x from byte ``offset`` on, also where its elements overlap.

    >>> strided(np.arange(5), (3, 2), (8, 8))
    array([[0, 1], [1, 2], [2, 3]])
    """
    return type(x)(shape, x.dtype, x, offset, strides)


def scratch_like(name: str, like: np.ndarray, dtype: np.typing.DTypeLike) -> np.ndarray:
    """Dense scratch memory (`scratch.scratch`) with the shape and the memory order of ``like``.

    >>> scratch_like("example", np.zeros((6, 5, 4)).transpose(2, 0, 1)[:2], np.int8).strides
    (1, 10, 2)
    """
    if like.flags.c_contiguous:
        return scratch(name, like.shape, dtype)
    order = sorted(range(like.ndim), key=lambda axis: -like.strides[axis])
    buffer = scratch(name, tuple(like.shape[axis] for axis in order), dtype)
    return buffer.transpose(sorted(range(like.ndim), key=order.__getitem__))
