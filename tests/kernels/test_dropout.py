"""Dropout's mask and product: probabilities, independence, memory orders, edges."""

import numpy as np
import pytest

from cnn_physics77.core.kernels import dropout


@pytest.mark.parametrize("p", [0.5, 0.25, 0.1, 1 / 3, 0.9, 3 / 65536, 0.999])
def test_the_fraction_dropped_is_p(p):
    n = 1_000_003
    mask = dropout.dropout_mask((n,), p, np.random.default_rng(0))
    assert mask.dtype == bool
    dropped = n - np.count_nonzero(mask)
    assert abs(dropped - n * p) < 5 * (n * p * (1 - p)) ** 0.5  # five standard deviations


@pytest.mark.parametrize("p", [0.5, 0.3, 1 / 1024])
def test_neighbours_are_independent(p):
    """Elements cut from one 64-bit draw are not correlated, at any distance inside it."""
    n = 1 << 20
    mask = dropout.dropout_mask((n,), p, np.random.default_rng(1)).astype(np.float64) - (1 - p)
    for lag in range(1, 9):
        correlation = mask[lag:] @ mask[:-lag] / (n * p * (1 - p))
        assert abs(correlation) < 5 / n**0.5


def test_the_generator_decides():
    masks = [dropout.dropout_mask((3, 5, 7), 0.4, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()
    generator = np.random.default_rng(0)
    first, second = (dropout.dropout_mask((100,), 0.4, generator) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize("bits", [np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_any_bit_generator(bits):
    mask = dropout.dropout_mask((100_000,), 0.3, np.random.Generator(bits(0)))
    assert abs(mask.mean() - 0.7) < 0.01


def test_nothing_and_everything_dropped():
    generator = np.random.default_rng(0)
    assert dropout.dropout_mask((50,), 0.0, generator).all()
    assert not dropout.dropout_mask((50,), 1.0, generator).any()
    assert not dropout.dropout_mask((50,), 1 - 1e-11, generator).any()
    assert dropout.dropout_mask((50,), 1e-11, generator).all()
    assert dropout.dropout_mask((0, 3), 0.5, generator).shape == (0, 3)
    assert dropout.dropout_mask((), 0.5, generator).shape == ()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (64, 8, 26, 26), (0, 1, 2, 3)])
def test_the_product_in_any_memory_order(shape, dtype):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(dtype)
    mask = rng.random(shape) < 0.5
    scale = 1 / 0.3
    expected = x * mask * dtype(scale)
    for layout in (
        x,
        np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
        np.asfortranarray(x),
        np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    ):
        layout.setflags(write=False)
        y = dropout.scale_by_mask(layout, mask, scale)
        assert y.dtype == dtype
        np.testing.assert_allclose(y, expected, rtol=1e-6 if dtype == np.float32 else 1e-15)
