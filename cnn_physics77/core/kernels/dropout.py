"""Dropout: the random mask, and its product with an array."""

import numpy as np

from cnn_physics77.core.kernels.runtime.layout import dense, flat_dense, in_order_of
from cnn_physics77.core.kernels.runtime.tiling import for_blocks


def dropout_mask(shape: tuple[int, ...], p: float, generator: np.random.Generator) -> np.ndarray:
    """A boolean array whose elements are independently True (kept) with probability 1 - p.

    Each element compares one random unsigned integer with p. The integer has 8 bits if p is a multiple of
    1/256 (0.5, 0.25), 16 bits if it is a multiple of 1/65536, else 32 bits. So p is exact in the first two
    cases, and within 1.2e-10 in the last. A mask costs one, two or four random bytes per element.

    Args:
        shape: the shape of the mask, which is C-contiguous.
        p: probability of False, in [0, 1].
        generator: the random number generator; its state advances.

    >>> dropout_mask((6,), 0.0, np.random.default_rng(0))
    array([ True,  True,  True,  True,  True,  True])
    """
    if p <= 0 or p >= 1:
        return np.full(shape, p <= 0)
    size = int(np.prod(shape))
    bits = next((bits for bits in (8, 16) if (p * 2**bits).is_integer()), 32)
    words = -(-size * bits // 64)
    draws = generator.integers(0, 2**64, words, np.uint64).view(f"u{bits // 8}")[:size]
    dropped = round(p * 2**bits)
    if dropped == 2**bits:  # p is within 1.2e-10 of 1
        return np.zeros(shape, bool)
    return np.greater_equal(draws, draws.dtype.type(dropped)).reshape(shape)


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
