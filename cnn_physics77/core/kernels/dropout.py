"""Dropout: the random mask, and its product with an array."""

import numpy as np

from cnn_physics77.core.kernels.runtime.layout import dense, flat_dense, in_order_of
from cnn_physics77.core.kernels.runtime.tiling import for_blocks


def dropout_mask(shape: tuple[int, ...], p: float, generator: np.random.Generator) -> np.ndarray:
    """A boolean array whose elements are independently True (kept) with probability 1 - p.

    Each element compares a uniform number in double precision with 1 - p.

    Args:
        shape: the shape of the mask, which is C-contiguous.
        p: probability of False, in [0, 1].
        generator: the random number generator; its state advances.

    >>> dropout_mask((6,), 0.0, np.random.default_rng(0))
    array([ True,  True,  True,  True,  True,  True])
    """
    if p <= 0 or p >= 1:
        return np.full(shape, p <= 0)
    return np.less(generator.random(shape), 1 - p)


def scale_by_mask(x: np.ndarray, mask: np.ndarray, scale: float) -> np.ndarray:
    """x * mask * scale: dropout with scale = 1 / (1 - p). Its gradient is the same function of g.

    x: floating; mask: boolean, of the same shape. Returns x's dtype and memory order. An infinite x that is
    dropped gives NaN, as in PyTorch.

    >>> scale_by_mask(np.array([1.0, 2.0, 3.0]), np.array([True, False, True]), 2.0)
    array([2., 0., 6.])
    """
    x = dense(x)
    y = np.empty_like(x)
    rows = flat_dense(x), flat_dense(in_order_of(mask, x)), flat_dense(y)
    scale = x.dtype.type(scale)

    def block(b: slice) -> None:
        source, keep, out = (row[b] for row in rows)
        np.multiply(source, scale, out=out)
        np.multiply(out, keep, out=out)

    for_blocks(block, x.size, x.itemsize, x.size * 4e-4)
    return y
