"""Samples: their distribution by Kolmogorov-Smirnov tests and moments, and their derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as stats
import torch

import cnn_physics77 as ours
from cnn_physics77 import distributions as D
from cnn_physics77.distributions.draws import gamma_derivative

COUNT = 4000


def number(value):
    return ours.tensor(value, dtype=ours.float64)


CONTINUOUS = {
    "Normal": ((0.5, 2.0), stats.norm(0.5, 2)),
    "LogNormal": ((0.5, 0.7), stats.lognorm(0.7, scale=np.exp(0.5))),
    "HalfNormal": ((2.0,), stats.halfnorm(scale=2)),
    "HalfCauchy": ((2.0,), stats.halfcauchy(scale=2)),
    "Uniform": ((-1.0, 2.0), stats.uniform(-1, 3)),
    "Exponential": ((2.0,), stats.expon(scale=0.5)),
    "Laplace": ((0.5, 2.0), stats.laplace(0.5, 2)),
    "Gumbel": ((0.5, 2.0), stats.gumbel_r(0.5, 2)),
    "Cauchy": ((0.5, 2.0), stats.cauchy(0.5, 2)),
    "Pareto": ((0.5, 2.0), stats.pareto(2, scale=0.5)),
    "Weibull": ((0.5, 2.0), stats.weibull_min(2, scale=0.5)),
    "Kumaraswamy": ((2.0, 3.0), None),
    "Gamma": ((0.7, 2.0), stats.gamma(0.7, scale=0.5)),
    "Chi2": ((3.0,), stats.chi2(3)),
    "Beta": ((0.7, 2.0), stats.beta(0.7, 2)),
    "StudentT": ((3.0, 0.5, 2.0), stats.t(3, 0.5, 2)),
    "FisherSnedecor": ((3.0, 5.0), stats.f(3, 5)),
    "InverseGamma": ((3.0, 2.0), stats.invgamma(3, scale=2)),
    "VonMises": ((0.5, 2.0), stats.vonmises(2, 0.5)),
    "ContinuousBernoulli": ((0.3,), None),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_samples(name):
    arguments, reference = CONTINUOUS[name]
    ours.manual_seed(67)
    distribution = getattr(D, name)(*(number(a) for a in arguments))
    drawn = distribution.sample((COUNT,))
    cdf = (lambda x: distribution.cdf(ours.tensor(x)).numpy()) if reference is None else reference.cdf
    assert stats.kstest(drawn.numpy(), cdf).pvalue > 0.01
    if reference is not None:  # the test can tell
        assert stats.kstest(drawn.numpy() * 1.1 + 0.05, cdf).pvalue < 0.01


DISCRETE = {
    "Bernoulli": (0.3,),
    "Geometric": (0.3,),
    "Poisson": (2.5,),
    "Binomial": (5.0, 0.3),
    "NegativeBinomial": (2.5, 0.3),
    "Categorical": ([0.2, 0.5, 0.3],),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_samples(name):
    ours.manual_seed(67)
    distribution = getattr(D, name)(*(number(a) for a in DISCRETE[name]))
    drawn = distribution.sample((COUNT,)).numpy()
    values = np.arange(distribution._num_events if name == "Categorical" else 5)
    if name == "Bernoulli":
        values = values[:2]
    probs = distribution.log_prob(number(values)).exp().numpy()
    counts = np.array([(drawn == v).sum() for v in values])
    counts, probs = np.append(counts, COUNT - counts.sum()), np.append(probs, max(0.0, 1 - probs.sum()))
    kept = probs > 1e-9
    assert stats.chisquare(counts[kept], COUNT * probs[kept] / probs[kept].sum()).pvalue > 0.01
    assert counts[~kept].sum() == 0


SEVERAL = [
    lambda d, t: d.Dirichlet(t([0.7, 2.0, 1.3])),
    lambda d, t: d.Multinomial(4, t([0.2, 0.5, 0.3])),
    lambda d, t: d.OneHotCategorical(t([0.2, 0.5, 0.3])),
    lambda d, t: d.MultivariateNormal(t([1.0, 2.0]), t([[2.0, 0.5], [0.5, 1.0]])),
    lambda d, t: d.LowRankMultivariateNormal(t([1.0, 2.0]), t([[1.0], [2.0]]), t([0.5, 1.0])),
    lambda d, t: d.MixtureSameFamily(d.Categorical(t([0.2, 0.8])), d.Normal(t([-1.0, 2.0]), t([0.5, 1.0]))),
]


@pytest.mark.parametrize("make", SEVERAL)
def test_samples_of_vectors(make):
    ours.manual_seed(67)
    distribution = make(D, number)
    drawn = distribution.sample((COUNT,))
    spread = distribution.variance.sqrt() / COUNT**0.5
    assert ((drawn.mean(0) - distribution.mean).abs() < 4 * spread).all()
    np.testing.assert_allclose(drawn.var(0).numpy(), distribution.variance.numpy(), rtol=0.12)
    if hasattr(distribution, "covariance_matrix"):
        np.testing.assert_allclose(np.cov(drawn.numpy().T), distribution.covariance_matrix.numpy(), atol=0.25)


@pytest.mark.parametrize(
    "make",
    [
        lambda: D.GeneralizedPareto(number(0.5), number(2.0), number(0.2)),
        lambda: D.GeneralizedPareto(number(0.5), number(2.0), number(-0.3)),
    ],
)
def test_samples_of_generalized_pareto(make):
    ours.manual_seed(67)
    d = make()
    reference = stats.genpareto(d.concentration.item(), d.loc.item(), d.scale.item())
    assert stats.kstest(d.sample((COUNT,)).numpy(), reference.cdf).pvalue > 0.01


def test_samples_of_matrices():
    ours.manual_seed(67)
    wishart = D.Wishart(number(4.5), number([[2.0, 0.5], [0.5, 1.0]]))
    drawn = wishart.sample((COUNT,))
    spread = wishart.variance.sqrt() / COUNT**0.5
    assert ((drawn.mean(0) - wishart.mean).abs() < 4 * spread).all()
    np.testing.assert_allclose(drawn.var(0).numpy(), wishart.variance.numpy(), rtol=0.15)
    # an entry of a uniform 3 x 3 correlation matrix: (r + 1)/2 is beta distributed with η + 1/2 twice
    lower = D.LKJCholesky(3, number(1.0)).sample((COUNT,))
    correlation = (lower @ lower.mT).numpy()
    for i, j in ((1, 0), (2, 0), (2, 1)):
        assert stats.kstest((correlation[:, i, j] + 1) / 2, stats.beta(1.5, 1.5).cdf).pvalue > 0.01


def test_derivatives_of_gamma_draws():
    """For fixed F(z): the quantile at α ± h."""
    alpha = np.array([0.02, 0.3, 1.0, 2.5, 30.0, 1e4])[:, None]
    p = np.array([0.05, 0.5, 0.95, 0.999])
    z = stats.gamma.ppf(p, alpha)
    usable = z > 1e-60
    z, p, alpha = (np.broadcast_to(value, usable.shape)[usable] for value in (z, p, alpha))
    h = 1e-4 * alpha
    expected = (
        8 * (stats.gamma.ppf(p, alpha + h) - stats.gamma.ppf(p, alpha - h))
        - (stats.gamma.ppf(p, alpha + 2 * h) - stats.gamma.ppf(p, alpha - 2 * h))
    ) / (12 * h)
    found = gamma_derivative(alpha, z)
    np.testing.assert_allclose(found, expected, rtol=2e-6)
    assert gamma_derivative(alpha.astype(np.float32), z.astype(np.float32)).dtype == np.float32
    theirs = torch._standard_gamma_grad(torch.tensor(alpha), torch.tensor(z)).numpy()
    np.testing.assert_allclose(found, theirs, rtol=1e-3)  # the error that PyTorch states


PATHS = {
    "Normal": ([0.5, 2.0], lambda x: x * x, lambda m, s: m * m + s * s),
    "Laplace": ([0.5, 2.0], lambda x: x * x, lambda m, s: m * m + 2 * s * s),
    "Gumbel": ([0.5, 2.0], lambda x: x, lambda m, s: m + 0.5772156649015329 * s),
    "Gamma": ([2.5, 2.0], lambda x: x * x, lambda a, b: a * (a + 1) / (b * b)),
    "Beta": ([2.5, 1.5], lambda x: x * x, lambda a, b: a * (a + 1) / ((a + b) * (a + b + 1))),
    "StudentT": ([9.0, 0.5, 2.0], lambda x: x * x, lambda n, m, s: m * m + s * s * n / (n - 2)),
    "Weibull": ([2.0, 1.5], lambda x: x, lambda s, k: s * ours.exp(ours.lgamma(1 + 1 / k))),
    "LogNormal": ([0.2, 0.3], lambda x: x, lambda m, s: (m + s * s / 2).exp()),
}


@pytest.mark.parametrize("name", PATHS)
def test_derivatives_of_samples(name):
    """The mean of the derivatives is the derivative of the mean."""
    start, function, mean = PATHS[name]
    parameters = [number(p).requires_grad_() for p in start]
    ours.manual_seed(67)
    drawn = getattr(D, name)(*parameters).rsample((40_000,))
    found = ours.autograd.grad(function(drawn).mean(), parameters)
    expected = ours.autograd.grad(mean(*parameters), parameters)
    for a, b in zip(found, expected):
        assert abs(a.item() - b.item()) < 0.05 * abs(b.item()) + 0.02


def test_relaxed_samples_are_differentiable():
    logits = number([0.1, 0.7, -0.4]).requires_grad_()
    for made in (
        D.RelaxedOneHotCategorical(0.5, logits=logits),
        D.RelaxedBernoulli(0.5, logits=logits),
        D.OneHotCategoricalStraightThrough(logits=logits),
        D.LogisticNormal(logits, logits.exp()),
        D.Dirichlet(logits.exp()),
    ):
        drawn = made.rsample((5,))
        (g,) = ours.autograd.grad((drawn * drawn).sum(), logits)
        assert ours.isfinite(g).all() and g.abs().sum() > 0
        assert made.support.check(drawn).all()


def test_small_concentrations_give_no_nan():
    drawn = D.Gamma(number([1e-3, 1e-2]), number(1.0)).rsample((50,))
    assert (drawn > 0).all()
