"""Draws in a compiled function are those of the function itself, new ones in each call, with gradients."""

from __future__ import annotations

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77 import distributions as D

DRAWS = {
    "Beta": lambda p: D.Beta(p, 2 * p).rsample(),
    "Binomial": lambda p: D.Binomial(3, p / 10).sample() * p,
    "Dirichlet": lambda p: D.Dirichlet(p).rsample(),
    "Gamma": lambda p: D.Gamma(p, 1.0).rsample(),
    "Gumbel": lambda p: D.Gumbel(p, p[:, None]).rsample(),
    "VonMises": lambda p: D.VonMises(p, p).sample() * p,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", DRAWS)
def test_draws_and_gradients(name, dtype):
    found = []
    for draw in (DRAWS[name], ours.compile(DRAWS[name])):
        ours.manual_seed(5)
        p = ours.tensor([0.2, 0.7, 3.0], dtype=getattr(ours, dtype), requires_grad=True)
        drawn = ours.stack([draw(p) for _ in range(6)])
        (drawn**2).sum().backward()
        found.append((drawn.detach().numpy(), p.grad.numpy()))
    (mine, gradient), (compiled, its) = found
    np.testing.assert_array_equal(compiled, mine)
    np.testing.assert_allclose(its, gradient, rtol=1e-12 if dtype == "float64" else 1e-4)
    assert (compiled != compiled[0]).any()
