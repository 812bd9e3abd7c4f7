"""The derivative of samples of Dirichlet and beta distributions by their concentration."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.distributions.draws import dirichlet_derivative

NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def part(x, a, b):
    """The integral of t^(a-1) (1-t)^(b-1) from 0 to x, smooth where a and b are at least 1."""
    t = x * (NODES + 1) / 2
    return x / 2 * (WEIGHTS * t ** (a - 1) * (1 - t) ** (b - 1)).sum()


@pytest.mark.parametrize("a, b", [(2.0, 3.0), (5.0, 4.0), (12.0, 30.0), (1.0, 1.0)])
@pytest.mark.parametrize("deviations", [-1.6, -0.6, 0.0, 0.6, 1.6])  # from the mean
def test_the_probability_stays(a, b, deviations):
    def probability(a):
        return part(x, a, b) / part(1.0, a, b)

    x = a / (a + b) + deviations * (a * b / (a + b + 1)) ** 0.5 / (a + b)
    change = (probability(a + 1e-5) - probability(a - 1e-5)) / 2e-5
    density = x ** (a - 1) * (1 - x) ** (b - 1) / part(1.0, a, b)
    d = dirichlet_derivative(np.array([a, b]), np.array([x, 1 - x]))
    np.testing.assert_allclose(d[0] * (1 - x), -change / density, rtol=2e-7)


def test_the_estimator_is_pytorchs():
    """PyTorch's values are approximations, good to a thousandth."""
    alpha = np.array([[0.4, 2.0, 7.0], [30.0, 50.0, 8.0]])
    found = []
    for f in (torch, ours):
        f.manual_seed(3)
        concentration = f.tensor(alpha, requires_grad=True)
        x = f.distributions.Dirichlet(concentration).rsample((5,))
        (x * f.arange(1.0, 4.0) ** 2).sum().backward()
        found.append((x.detach().numpy(), concentration.grad.numpy()))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-9)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=2e-3)


def test_corners():
    d = dirichlet_derivative(np.array([2.0, 3.0]), np.array([0.0, 1.0]))
    assert d[0] == 0 and np.isfinite(d[1])
    assert dirichlet_derivative(np.ones((0, 2)), np.ones((0, 2))).shape == (0, 2)
