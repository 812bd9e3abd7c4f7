"""Memory order, and work cut into blocks.

An array of logical shape (N, C, H, W) may lie in memory as N, C, H, W or channels-last as N, H, W, C; both
are *dense*: without holes, repeats or reversed axes. Work element by element runs fastest on one long row, so
the kernels take a dense array as its `flat` view, and give their results the order of their input.
"""

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.kernels.scratch import scratch
from cnn_physics77.core.kernels.threads import HAND_OVER_MICROSECONDS, Region, parallel_for

# A call of a NumPy function on a block should last some tens of microseconds: the interpreter's lock changes
# hands between calls, and with short ones two threads wait for each other more than they work.
BLOCK_BYTES = 1 << 21


def flat(x: np.ndarray) -> np.ndarray | None:
    """The elements of a dense array as a one-dimensional view, in the order of memory; None where x is not
    dense.

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


def dense(x: np.ndarray) -> np.ndarray:
    """x itself where it is dense, else a dense copy, in x's own order of axes where it has one."""
    if flat(x) is not None:
        return x
    y = x.copy(order="K")
    return y if flat(y) is not None else np.ascontiguousarray(x)


def in_order_of(x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """x itself where it lies in memory as the dense ``like`` of its shape does, else a copy that does."""
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
    """A new array of ``shape`` whose axes lie in memory in the order of those of ``like``.

    >>> channels_last = np.zeros((1, 7, 7, 3)).transpose(0, 3, 1, 2)
    >>> empty((2, 3, 4, 5), channels_last).transpose(0, 2, 3, 1).flags.c_contiguous
    True
    """
    return np.empty_like(like, shape=shape, dtype=dtype)


def scratch_like(name: str, like: np.ndarray, dtype: np.typing.DTypeLike) -> np.ndarray:
    """Scratch memory (`scratch.scratch`) of the shape of ``like``, dense, its axes in memory in like's order.

    >>> scratch_like("example", np.zeros((6, 5, 4)).transpose(2, 0, 1)[:2], np.int8).strides
    (1, 10, 2)
    """
    if like.flags.c_contiguous:
        return scratch(name, like.shape, dtype)
    order = sorted(range(like.ndim), key=lambda axis: -like.strides[axis])
    buffer = scratch(name, tuple(like.shape[axis] for axis in order), dtype)
    return buffer.transpose(sorted(range(like.ndim), key=order.__getitem__))


def block_length(length: int, bytes_each: int, block_bytes: int = BLOCK_BYTES) -> int:
    """How many elements of an axis one block takes: at most ``block_bytes``, all blocks alike, their number
    even or 1.

    It depends on the sizes alone, never on the number of threads.

    >>> block_length(5, bytes_each=4, block_bytes=12), block_length(3, bytes_each=4, block_bytes=12)
    (3, 3)
    """
    count = -(-length * bytes_each // block_bytes)
    return max(1, -(-length // (count + count % 2))) if count > 1 else max(1, length)


def for_blocks(
    function: Callable[[slice], object],
    length: int,
    bytes_each: int,
    microseconds: float,
    block_bytes: int = BLOCK_BYTES,
    region: Region | None = None,
) -> None:
    """Call ``function(slice)`` for the blocks of range(length), in parallel where it pays.

    ``microseconds`` is the estimated time of all of it in one thread: what one block could hold, but is
    worth two threads, is cut in two. ``block_bytes`` bounds a block, of elements of ``bytes_each``. With
    ``region`` several blocks are gathered there, as by `parallel_for`.

    >>> for_blocks(print, 5, bytes_each=4, microseconds=1)
    slice(0, 5, None)
    """
    step = block_length(length, bytes_each, block_bytes)
    if step >= length and microseconds >= HAND_OVER_MICROSECONDS:
        step = -(-length // 2)
    if step >= length:
        function(slice(0, length))
    else:
        for_slices(function, length, step, microseconds, region)


def for_slices(
    function: Callable[[slice], object],
    length: int,
    step: int,
    microseconds: float,
    region: Region | None = None,
) -> None:
    """Call ``function(slice)`` for slices of ``step`` elements of range(length), in parallel where it pays.

    BLAS runs in one thread meanwhile, even where there is one slice only.

    >>> done = []
    >>> for_slices(done.append, 5, 4, microseconds=1)
    >>> sorted(done, key=lambda part: part.start)
    [slice(0, 4, None), slice(4, 5, None)]
    """
    parallel_for(
        lambda block: function(slice(block * step, min(length, (block + 1) * step))),
        -(-length // step),
        microseconds,
        region,
    )
