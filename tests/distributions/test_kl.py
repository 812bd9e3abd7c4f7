"""Kullback-Leibler divergences against PyTorch's, for every pair that has a formula here."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.distributions import kl

RNG = np.random.default_rng(13)
A, B = RNG.gamma(3.0, 0.7, (2, 3)) + 0.2, RNG.gamma(3.0, 0.7, (2, 3)) + 0.2
P = RNG.uniform(0.1, 0.9, (2, 3))
L = np.linalg.cholesky(np.eye(3) + np.ones((3, 3)) / 2)


def both(f, name):
    """Two distributions of a class."""
    d, t = f.distributions, f.tensor
    a, b, p = t(A), t(B), t(P)
    flow = d.AffineTransform(t(1.0, dtype=f.float64), t(2.0, dtype=f.float64))
    made = {
        "Bernoulli": lambda: [d.Bernoulli(p), d.Bernoulli(logits=a)],
        "Beta": lambda: [d.Beta(a, b), d.Beta(b, a + 1)],
        "Binomial": lambda: [d.Binomial(t(np.array(4.0)), p), d.Binomial(t(np.array(4.0)), logits=a)],
        "Categorical": lambda: [d.Categorical(a), d.Categorical(logits=b)],
        "OneHotCategorical": lambda: [d.OneHotCategorical(a), d.OneHotCategorical(b)],
        "Cauchy": lambda: [d.Cauchy(a, b), d.Cauchy(b, a)],
        "ContinuousBernoulli": lambda: [d.ContinuousBernoulli(p), d.ContinuousBernoulli(logits=a)],
        "Dirichlet": lambda: [d.Dirichlet(a), d.Dirichlet(b)],
        "Exponential": lambda: [d.Exponential(a), d.Exponential(b)],
        "Gamma": lambda: [d.Gamma(a, b), d.Gamma(b, a)],
        "Geometric": lambda: [d.Geometric(p), d.Geometric(logits=a)],
        "Gumbel": lambda: [d.Gumbel(a, b), d.Gumbel(b, a)],
        "HalfNormal": lambda: [d.HalfNormal(a), d.HalfNormal(b)],
        "Laplace": lambda: [d.Laplace(a, b), d.Laplace(b, a)],
        "LogNormal": lambda: [d.LogNormal(a, b), d.LogNormal(b, a)],
        "Normal": lambda: [d.Normal(a, b), d.Normal(b, a)],
        "Pareto": lambda: [d.Pareto(a + b, b + 1.5), d.Pareto(a, a)],
        "Poisson": lambda: [d.Poisson(a), d.Poisson(b)],
        "Uniform": lambda: [d.Uniform(p / 2, p), d.Uniform(p / 3, p + 0.7)],
        "MultivariateNormal": lambda: [
            d.MultivariateNormal(a, scale_tril=t(L)),
            d.MultivariateNormal(b, covariance_matrix=t(np.stack([L @ L.T, L @ L.T * 2]))),
        ],
        "LowRankMultivariateNormal": lambda: [
            d.LowRankMultivariateNormal(a, t(L[:, :2]), b),
            d.LowRankMultivariateNormal(b, t(L[:, 1:]), a),
        ],
        "Wishart": lambda: [
            d.Wishart(a[0, 0] + 2, scale_tril=t(L)),
            d.Wishart(b[0, 0] + 2, covariance_matrix=t(L @ L.T * 2)),
        ],
        "Independent": lambda: [
            d.Independent(d.Normal(a, b), 1),
            d.Independent(d.Normal(b, a), 1),
        ],
        "TransformedDistribution": lambda: [
            d.TransformedDistribution(d.Normal(a, b), flow),
            d.TransformedDistribution(d.Normal(b, a), flow),
        ],
    }
    return made[name]()


PAIRS = {(p.__name__, q.__name__) for p, q in kl._formulas} | {("LogNormal", "LogNormal")}
PAIRS = sorted(PAIRS - {("ExponentialFamily", "ExponentialFamily")})  # has a file of its own


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_formulas(p, q):
    found = []
    for f in (ours, torch):
        first, second = both(f, p)[0], both(f, q)[1]
        found.append(f.distributions.kl_divergence(first, second))
    mine, theirs = found
    assert tuple(mine.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("p", "q"), [("Normal", "Laplace"), ("Laplace", "Normal"), ("Gumbel", "Normal")])
def test_as_an_expected_value(p, q):
    """Where PyTorch's formula is ours too, both could be wrong: the integral of p log(p/q)."""
    x = ours.linspace(-40, 40, 80_001, dtype=ours.float64)
    numbers = ours.tensor([0.3, 0.8, -0.2, 1.2], dtype=ours.float64)
    first = getattr(ours.distributions, p)(numbers[0], numbers[1])
    second = getattr(ours.distributions, q)(numbers[2], numbers[3])
    log_p, log_q = first.log_prob(x), second.log_prob(x)
    integral = (log_p.exp() * (log_p - log_q)).sum() * (x[1] - x[0])
    assert integral.item() == pytest.approx(ours.distributions.kl_divergence(first, second).item(), rel=1e-5)


def test_batches_of_wishart_distributions():
    """PyTorch's divergence of a batch is not that of its members, and may be negative."""
    df, matrices = ours.tensor([4.0, 3.5, 6.0]), ours.stack([ours.eye(2), 2 * ours.eye(2), 3 * ours.eye(2)])
    p, q = ours.distributions.Wishart(df, matrices), ours.distributions.Wishart(df.flip(0), matrices.flip(0))
    single = [
        ours.distributions.kl_divergence(
            ours.distributions.Wishart(df[i], matrices[i]),
            ours.distributions.Wishart(df[2 - i], matrices[2 - i]),
        )
        for i in range(3)
    ]
    found = ours.distributions.kl_divergence(p, q)
    assert ours.allclose(found, ours.stack(single)) and (found > -1e-6).all()


def test_edges():
    """Certain results, and distributions with values where the other has none."""
    for f in (ours, torch):
        d, t = f.distributions, f.tensor
        certain, open_ = d.Bernoulli(t([0.0, 1.0])), d.Bernoulli(t([0.5, 0.5]))
        assert d.kl_divergence(certain, certain).tolist() == [0, 0]
        assert d.kl_divergence(open_, certain).tolist() == [np.inf, np.inf]
        assert d.kl_divergence(certain, open_).tolist() == pytest.approx([np.log(2)] * 2)
        one, other = d.Categorical(t([1.0, 0.0])), d.Categorical(t([0.5, 0.5]))
        assert d.kl_divergence(one, other).item() == pytest.approx(np.log(2))
        assert d.kl_divergence(other, one).item() == np.inf
        assert d.kl_divergence(d.Uniform(0.0, 2.0), d.Uniform(0.0, 1.0)).item() == np.inf
        assert d.kl_divergence(d.Pareto(1.0, 1.0), d.Pareto(2.0, 1.0)).item() == np.inf
        with pytest.raises(NotImplementedError):
            d.kl_divergence(d.Binomial(3, 0.5), d.Binomial(4, 0.5))
        with pytest.raises(NotImplementedError):
            d.kl_divergence(d.LogNormal(0.0, 1.0), d.HalfNormal(1.0))
        with pytest.raises(ValueError, match="different event shapes"):
            d.kl_divergence(
                d.MultivariateNormal(f.zeros(2), f.eye(2)), d.MultivariateNormal(f.zeros(3), f.eye(3))
            )


def test_formulas_are_differentiable():
    found = []
    for f in (ours, torch):
        a, b = f.tensor(A, requires_grad=True), f.tensor(B, requires_grad=True)
        d = f.distributions
        total = sum(
            d.kl_divergence(kind(a, b), kind(b, a)).sum() for kind in (d.Normal, d.Gamma, d.Beta, d.Laplace)
        )
        total = total + d.kl_divergence(d.Categorical(a), d.Categorical(logits=b)).sum()
        total.backward()
        found.append((a.grad.numpy(), b.grad.numpy()))
    np.testing.assert_allclose(*found, rtol=1e-8)


def test_own_formulas():
    class Mine(ours.distributions.Normal):
        pass

    @ours.distributions.register_kl(Mine, ours.distributions.Normal)
    def _(p, q):
        return ours.tensor(42.0)

    try:
        standard = ours.distributions.Normal(0.0, 1.0)
        assert ours.distributions.kl_divergence(Mine(0.0, 1.0), standard).item() == 42
        assert ours.distributions.kl_divergence(standard, Mine(0.0, 1.0)).item() == 0
    finally:
        del kl._formulas[Mine, ours.distributions.Normal]
