"""Elementwise functions, in blocks, and in parallel for large arrays."""

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.kernels.runtime.layout import dense, flat, flat_dense, in_order_of
from cnn_physics77.core.kernels.runtime.parallel import HAND_OVER_MICROSECONDS
from cnn_physics77.core.kernels.runtime.scratch import arena, run_block, scratch
from cnn_physics77.core.kernels.runtime.tiling import for_blocks

LARGE = 1 << 18
"""The number of elements from which a single pass of a ufunc gains from a second thread."""

SMALL = 1 << 12
"""Fewer elements are computed at once by the functions of :func:`in_pieces`."""

PIECE = 1 << 15
"""The number of elements of a piece whose temporaries stay in the cache. With shorter ones, two threads would
spend more time waiting for each other; malloc returns longer ones to the system each time, unless it was told
to keep them (`cnn_physics77.performance`)."""

NANOSECONDS = 0.6
"""The time per element of such a pass over arrays that are larger than the caches."""


def elementwise(
    function: Callable[..., object], nanoseconds: float, *arrays: np.ndarray, in_place: bool = False
) -> np.ndarray:
    """An array y like arrays[0], in its memory order, filled by ``function(*pieces, out=piece_of_y)``.

    y is a new array, or, with ``in_place``, arrays[0] itself if that is dense. The pieces are 1-D views of at
    most `tiling.BLOCK_BYTES`. ``nanoseconds`` is the estimated time per element, which decides whether the
    work is shared with other threads. The arrays have one shape and are only read.

    >>> elementwise(np.add, 0.1, np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]]))
    array([[11., 22.]])
    """
    first = arrays[0]
    microseconds = first.size * nanoseconds * 1e-3
    if microseconds < HAND_OVER_MICROSECONDS and all(x.flags.c_contiguous for x in arrays):
        y = first if in_place else np.empty(first.shape, first.dtype, like=first)
        pieces = [x.reshape(-1) for x in arrays]
        if arena.frame is None:
            function(*pieces, out=y.reshape(-1))
        else:  # in a block, or a signal handler that interrupts one: use separate scratch memory
            run_block(function, *pieces, out=y.reshape(-1))
        return y
    first = dense(first)
    y = first if in_place else np.empty_like(first)
    rows = [flat_dense(first), *(flat_dense(in_order_of(x, first)) for x in arrays[1:])]
    out = flat_dense(y)
    for_blocks(lambda b: function(*(row[b] for row in rows), out=out[b]), y.size, y.itemsize, microseconds)
    return y


def in_pieces(function: Callable[..., np.ndarray], nanoseconds: float, *arrays: np.ndarray) -> np.ndarray:
    """`elementwise` for a function that returns new arrays. It is called for pieces of `PIECE` elements.

    >>> in_pieces(lambda x: x * x + 1, 1.0, np.array([1.0, 2.0]))
    array([2., 5.])
    """

    first = arrays[0]
    if first.ndim and first.size < SMALL:
        return function(*arrays).astype(first.dtype, copy=False)

    def block(*pieces, out):
        for start in range(0, len(out), PIECE):
            part = slice(start, start + PIECE)
            out[part] = function(*(piece[part] for piece in pieces))

    return elementwise(block, nanoseconds, *arrays)


def shared(function: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
    """``function(*arrays)``, run on several threads if the arrays are large, floating, and of one shape,
    dtype and memory order.

    >>> shared(np.add, np.array([1.0, 2.0]), np.array([10.0, 20.0]))
    array([11., 22.])
    """
    with np.errstate(all="ignore"):  # as in the other threads
        if _share(*arrays):
            return elementwise(function, NANOSECONDS, *arrays)
        return function(*arrays)


def add_into(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """``out = a + b``, where ``out`` is one of the two; run on several threads if the arrays are large.

    >>> a = np.array([1.0, 2.0])
    >>> add_into(a, np.array([10.0, 20.0]), out=a)
    >>> a
    array([11., 22.])
    """
    if a.size < LARGE or not _share(a, b):
        np.add(a, b, out)
        return
    x, y, z = flat_dense(a), flat_dense(b), flat_dense(out)
    microseconds = a.size * NANOSECONDS * 1e-3
    for_blocks(lambda s: np.add(x[s], y[s], out=z[s]), a.size, a.itemsize, microseconds)


def _share(first: np.ndarray, *others: np.ndarray) -> bool:
    if first.size < LARGE or first.dtype.char not in "efd" or flat(first) is None:
        return False
    return all(
        x.shape == first.shape and x.strides == first.strides and x.dtype == first.dtype for x in others
    )


def temporary(name: str, like: np.ndarray, dtype: np.typing.DTypeLike | None = None) -> np.ndarray:
    """Scratch memory of the shape of one piece."""
    return scratch(f"elementwise.{name}", like.shape, like.dtype if dtype is None else dtype)


def polynomial(coefficients: tuple[float, ...], x: np.ndarray, out: np.ndarray) -> np.ndarray:
    """out = c0 + c1 x + c2 x^2 + ... by Horner's rule.

    >>> polynomial((1.0, 0.0, 2.0), np.array([3.0]), np.empty(1))
    array([19.])
    """
    np.multiply(x, coefficients[-1], out=out)
    for c in coefficients[-2:0:-1]:
        np.add(out, c, out=out)
        np.multiply(out, x, out=out)
    return np.add(out, coefficients[0], out=out)
