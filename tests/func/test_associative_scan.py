"""Scans against the loop, and their gradient."""

from __future__ import annotations

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77._higher_order_ops.associative_scan import associative_scan

RNG = np.random.default_rng(0)


def affine(first, second):
    """x -> a x + b, one after another."""
    (a, b), (c, d) = first, second
    return a * c, c * b + d


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8])
def test_maps_one_after_another(n, reverse):
    a, b = (ours.tensor(RNG.normal(size=(2, n, 3))) for _ in range(2))
    order = range(n)[::-1] if reverse else range(n)
    x, expected = ours.zeros(2, 3, dtype=ours.float64), [None] * n
    for i in order:
        x = expected[i] = a[:, i] * x + b[:, i]
    found = associative_scan(affine, (a, b), dim=1, reverse=reverse)[1]
    np.testing.assert_allclose(found, ours.stack(expected, 1), rtol=1e-12)


def test_gradients_and_errors():
    x = ours.tensor(RNG.normal(size=(5, 2)), requires_grad=True)
    ours.autograd.gradcheck(lambda x: associative_scan(ours.mul, x, dim=0), x)
    assert associative_scan(ours.mul, x, 0).allclose(x.cumprod(0))
    for wrong in (ours.ones(0), (), (ours.ones(2), ours.ones(3))):
        with pytest.raises(ours.core.errors.ShapeError, match="associative_scan: expected tensors of one"):
            associative_scan(ours.add, wrong, 0)
