"""Variances with no degrees of freedom left, and norms at zeros, as PyTorch: values and derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch as reference

import cnn_physics77 as torch

SAMPLES = {
    "one element": (np.array([2.0]), {}),
    "a number": (np.array(2.0), {}),
    "none": (np.zeros(0), {}),
    "none along a dimension": (np.zeros((0, 2)), {"dim": 0}),
    "one along a dimension": (np.array([[1.0], [3.0]]), {"dim": 1}),
    "all corrected away": (np.array([1.0, 2.0, 3.0]), {"correction": 3}),
    "more than all corrected away": (np.array([1.0, 2.0, 3.0]), {"correction": 4}),
    "as many along a dimension": (np.array([[1.0, 2.0], [3.0, 5.0]]), {"dim": 1, "correction": 2}),
    "one without correction": (np.array([2.0]), {"correction": 0}),
    "equal ones": (np.array([2.0, 2.0]), {}),
}


def derivatives(t, name, x, arguments):
    x = t.tensor(x, requires_grad=True)
    y = getattr(t, name)(x, **arguments)
    seed = t.ones_like(y).requires_grad_(True)
    (g,) = t.autograd.grad(y, x, seed, create_graph=True)
    second = t.autograd.grad(g, (x, seed), t.ones_like(g), allow_unused=True, materialize_grads=True)
    return [z.detach().numpy() for z in (y, g, *second)]


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_degrees_of_freedom(name, sample):
    found = derivatives(torch, name, *SAMPLES[sample])
    expected = derivatives(reference, name, *SAMPLES[sample])
    if name == "std" and (expected[0] == 0).all():
        # the first derivative is 0 whatever the seed, and so is its derivative by it, where PyTorch has 0/0
        assert found.pop().tolist() == 0
    for order, (a, e) in enumerate(zip(found, expected)):
        np.testing.assert_array_equal(a, e, err_msg=f"{order} of {found}, {expected}")


@pytest.mark.parametrize("t", [torch, reference])
def test_a_norm_of_negative_order_is_0_with_gradient_0_where_there_is_a_zero(t):
    x = t.tensor([[0.0, 0.0], [0.0, 2.0], [1.0, 2.0]], dtype=t.float64, requires_grad=True)
    y = t.linalg.vector_norm(x, -2, 1)
    y.sum().backward()
    assert y.tolist()[:2] == [0, 0] and x.grad.tolist()[:2] == [[0, 0], [0, 0]]
    np.testing.assert_allclose(x.grad.numpy()[2], 1.25**-1.5 * np.array([1, 1 / 8]))
