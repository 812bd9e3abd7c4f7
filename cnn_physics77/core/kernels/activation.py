"""The activations that gain from a kernel of their own. Those that are one line of mathematics are written as
operations.

x is floating, of any shape and memory order; results have its shape, dtype and order. Work goes over blocks
that stay in the cache, in parallel where the array is large.
"""

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.kernels.layout import dense, flat, for_blocks, in_order_of

BLOCK_BYTES = 1 << 17
ROW = 4096  # elements of a row of zeros: np.maximum with an array is faster than with a scalar

_zeros: dict[np.dtype, np.ndarray] = {}


def _zeros_row(dtype: np.dtype) -> np.ndarray:
    row = _zeros.get(dtype)
    if row is None:
        row = np.zeros(BLOCK_BYTES // dtype.itemsize, dtype)
        row.setflags(write=False)
        _zeros[dtype] = row
    return row


def _elementwise(block: Callable[..., object], nanoseconds: float, *arrays: np.ndarray) -> np.ndarray:
    """A new array y like arrays[0], filled by ``block(*pieces, out=piece_of_y)``; ``nanoseconds`` per element."""
    first = dense(arrays[0])
    y = np.empty_like(first)
    rows = [flat(first), *(flat(in_order_of(x, first)) for x in arrays[1:])]
    out = flat(y)
    if y.nbytes <= BLOCK_BYTES:
        block(*rows, out=out)
    else:
        for_blocks(
            lambda b: block(*(row[b] for row in rows), out=out[b]),
            y.size,
            y.itemsize,
            BLOCK_BYTES,
            y.size * nanoseconds * 1e-3,
        )
    return y


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0). NaN stays NaN.

    >>> relu(np.array([-1.0, 0.0, 2.0, np.nan]))
    array([ 0.,  0.,  2., nan])
    """
    return _elementwise(_relu, 0.15, x)


def _relu(x, out):
    np.maximum(x, _zeros_row(x.dtype)[: x.size], out=out)


def relu_gradient(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """g where the output y = relu(x) is not <= 0, else 0: the derivative at 0 is 0, and NaN passes g on.

    >>> relu_gradient(np.array([5.0, 6.0, 7.0]), np.array([0.0, 2.0, np.nan]))
    array([0., 6., 7.])
    """
    return _elementwise(_relu_gradient, 0.4, y, g)


def _relu_gradient(y, g, out):
    mask = np.less_equal(y, 0).view(np.int8)
    np.subtract(mask, 1, out=mask)  # all bits set where g passes
    integer = f"i{g.itemsize}"
    np.bitwise_and(g.view(integer), mask, out=out.view(integer))
