"""ContinuousBernoulli about 1/2, where series take over from the formulas, and at the ends of its support."""

import numpy as np
import pytest
import torch

import cnn_physics77 as our

PROBABILITIES = [0.0, 1e-10, 0.2, 0.49, 0.4995, 0.5, 0.5 + 1e-12, 0.5005, 0.7, 1 - 1e-10, 1.0]


@pytest.mark.parametrize("probability", PROBABILITIES)
@pytest.mark.parametrize("name", ["log_prob", "cdf", "icdf"])
def test_functions_of_values(name, probability):
    """The distribution function is constant outside of (0, 1) and at its ends, with the derivative 0."""

    def value_and_gradients(library):
        p = library.tensor(np.full(4, probability), requires_grad=True)
        x = library.tensor(np.array([0.0, 1.0, 1e-10, 0.3]), requires_grad=True)
        y = getattr(library.distributions.ContinuousBernoulli(p), name)(x)
        return y, *library.autograd.grad(y.sum(), (p, x), allow_unused=True)

    for found, expected in zip(value_and_gradients(our), value_and_gradients(torch)):
        found, expected = found.detach().numpy(), expected.detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("probability", PROBABILITIES)
@pytest.mark.parametrize("name", ["mean", "variance"])
def test_moments(name, probability):
    def value_and_gradient(library):
        p = library.tensor(probability, dtype=library.float64, requires_grad=True)
        y = getattr(library.distributions.ContinuousBernoulli(p), name)
        return y, *library.autograd.grad(y, p)

    for found, expected in zip(value_and_gradient(our), value_and_gradient(torch)):
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-7, atol=1e-9)
