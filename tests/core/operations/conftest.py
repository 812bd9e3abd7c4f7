"""Comparison of small programs in this package and in PyTorch."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours


def both(function, *shapes, seed=0):
    """function(framework, *leaves) in both, from the same values; returns the results and the gradients of
    the leaves."""
    rng = np.random.default_rng(seed)
    values = [rng.uniform(0.5, 1.5, shape) for shape in shapes]
    results = []
    for framework in (ours, torch):
        leaves = [framework.tensor(v, requires_grad=True) for v in values]
        y = function(framework, *leaves)
        weights = np.arange(1.0, 1.0 + y.numel()).reshape(tuple(y.shape))
        (y * framework.tensor(weights)).sum().backward()
        results.append((y.detach().numpy(), [None if x.grad is None else x.grad.numpy() for x in leaves]))
    return results


@pytest.fixture
def same():
    """``same(function, *shapes)``: function(framework, *leaves) has equal values and gradients in both."""

    def check(function, *shapes):
        (a, grads_a), (b, grads_b) = both(function, *shapes)
        np.testing.assert_allclose(a, b, rtol=1e-12)
        for x, y in zip(grads_a, grads_b, strict=True):
            assert (x is None) == (y is None)
            if y is not None:
                np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14)

    return check
