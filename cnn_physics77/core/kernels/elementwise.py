"""Functions of each element by itself, in blocks, in parallel where the array is large."""

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.kernels.layout import BLOCK_BYTES, dense, flat_dense, for_blocks, in_order_of
from cnn_physics77.core.kernels.threads import scratch


def elementwise(function: Callable[..., object], nanoseconds: float, *arrays: np.ndarray) -> np.ndarray:
    """A new array y like arrays[0], in its memory order, filled by ``function(*pieces, out=piece_of_y)``.

    The pieces are one-dimensional views of at most `BLOCK_BYTES`; ``nanoseconds`` is the estimated time per
    element, by which the work is handed to other threads or not. The arrays have one shape and are only read.

    >>> elementwise(np.add, 0.1, np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]]))
    array([[11., 22.]])
    """
    first = dense(arrays[0])
    y = np.empty_like(first)
    rows = [flat_dense(first), *(flat_dense(in_order_of(x, first)) for x in arrays[1:])]
    out = flat_dense(y)
    if y.nbytes <= BLOCK_BYTES:
        function(*rows, out=out)
    else:

        def block(b: slice) -> None:
            function(*(row[b] for row in rows), out=out[b])

        for_blocks(block, y.size, y.itemsize, y.size * nanoseconds * 1e-3)
    return y


def temporary(name: str, like: np.ndarray, dtype: np.typing.DTypeLike | None = None) -> np.ndarray:
    """Scratch memory of the size of one piece: fresh memory is mapped and given back each time."""
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
