"""Exponential families: what their natural parameters say, against PyTorch and the direct formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

A, B = np.array([[0.4, 2.0], [3.0, 1.2]]), np.array([[1.5, 0.7], [0.9, 2.5]])
S = np.array([[2.0, 0.3], [0.3, 1.0]])
MAKE = {
    "Bernoulli": lambda d, t: (d.Bernoulli(t(A / 4)), d.Bernoulli(t(B / 4))),
    "Beta": lambda d, t: (d.Beta(t(A), t(B)), d.Beta(t(B), t(A))),
    "ContinuousBernoulli": lambda d, t: (
        d.ContinuousBernoulli(t(A / 4)),
        d.ContinuousBernoulli(t([0.3, 0.9], dtype=t(A).dtype)),
    ),
    "Dirichlet": lambda d, t: (d.Dirichlet(t(A)), d.Dirichlet(t(B))),
    "Exponential": lambda d, t: (d.Exponential(t(A)), d.Exponential(t(B))),
    "Gamma": lambda d, t: (d.Gamma(t(A), t(B)), d.Gamma(t(B), t(A))),
    "Normal": lambda d, t: (d.Normal(t(A), t(B)), d.Normal(t(B), t(A))),
    "Poisson": lambda d, t: (d.Poisson(t(A)), d.Poisson(t(B))),
    "Wishart": lambda d, t: (d.Wishart(t(A[0]) + 2, t(S)), d.Wishart(t(B[0]) + 2, t(S @ S))),
}


@pytest.mark.parametrize("name", MAKE)
def test_parameters_entropy_and_divergence(name):
    (p, q), (p_t, q_t) = (MAKE[name](f.distributions, f.tensor) for f in (ours, torch))
    family, family_t = ours.distributions.ExponentialFamily, torch.distributions.ExponentialFamily
    assert isinstance(p, family)
    for mine, theirs in zip(p._natural_params, p_t._natural_params, strict=True):
        np.testing.assert_allclose(mine.detach(), theirs.detach(), rtol=1e-12)
    expected = torch.distributions.kl_divergence(p_t, q_t)
    np.testing.assert_allclose(p._divergence_from(q).detach(), expected.detach(), rtol=1e-9, atol=1e-12)
    try:
        entropy = family_t.entropy(p_t)
    except NotImplementedError:
        with pytest.raises(NotImplementedError, match="carrier measure"):
            family.entropy(p)
    else:
        np.testing.assert_allclose(family.entropy(p).detach(), entropy.detach(), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(family.entropy(p).detach(), p.entropy().detach(), rtol=1e-9, atol=1e-12)


def test_a_family_of_ones_own():
    class Rate(ours.distributions.ExponentialFamily):
        arg_constraints = {}  # noqa: RUF012
        _mean_carrier_measure = 0.0

        def __init__(self, rate):
            self.rate = rate
            super().__init__(rate.shape)

        @property
        def _natural_params(self):
            return (-self.rate,)

        def _log_normalizer(self, x):
            return -(-x).log()

    p, q = Rate(ours.tensor(A)), Rate(ours.tensor(B))
    np.testing.assert_allclose(p.entropy().detach(), 1 - np.log(A))
    np.testing.assert_allclose(ours.distributions.kl_divergence(p, q).detach(), np.log(A / B) + B / A - 1)
    with pytest.raises(NotImplementedError, match="exponential families Normal and Rate"):
        ours.distributions.kl_divergence(ours.distributions.Normal(0.0, 1.0), q)
    with pytest.raises(NotImplementedError, match="normalizer is not given"):
        ours.distributions.ExponentialFamily._log_normalizer(p)
    with pytest.raises(NotImplementedError, match="natural parameters are not given"):
        ours.distributions.ExponentialFamily._natural_params.fget(p)
