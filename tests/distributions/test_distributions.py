"""Distributions against PyTorch's, in float64: densities, moments, entropies, quantiles, with gradients."""

from __future__ import annotations

import inspect
import itertools
import math
import pickle

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77 import distributions as D

RNG = np.random.default_rng(11)


def positive(*shape):
    return RNG.gamma(3.0, 0.6, shape) + 0.3


def real(*shape):
    return RNG.normal(size=shape)


def chances(*shape):
    return RNG.uniform(0.1, 0.9, shape)


def simplex(*shape):
    return RNG.dirichlet(np.full(shape[-1], 3.0), shape[:-1])


def covariance(*shape):
    a = RNG.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + 2 * np.eye(shape[-1])


ALL = {
    "Bernoulli": [{"probs": chances(3)}, {"logits": real(2, 1)}, {"probs": np.array([0.0, 1.0, 0.5])}],
    "Beta": [{"concentration1": positive(3), "concentration0": positive(2, 1)}],
    "Binomial": [
        {"total_count": np.array(5.0), "probs": chances(3)},
        {"total_count": np.array([3.0, 4.0]), "logits": real(2)},
    ],
    "Categorical": [{"probs": simplex(2, 4)}, {"logits": real(5)}],
    "Cauchy": [{"loc": real(3), "scale": positive(2, 1)}],
    "Chi2": [{"df": positive(3)}],
    "ContinuousBernoulli": [{"probs": np.array([0.2, 0.4995, 0.5, 0.8])}, {"logits": real(2)}],
    "Dirichlet": [{"concentration": positive(2, 3)}, {"concentration": np.array([0.5, 0.8])}],
    "Exponential": [{"rate": positive(2, 3)}],
    "FisherSnedecor": [{"df1": np.array([1.5, 3.0, 5.0]), "df2": np.array([1.5, 3.0, 7.0])}],
    "Gamma": [{"concentration": positive(3), "rate": positive(2, 1)}, {"concentration": 0.5, "rate": 2.0}],
    "GeneralizedPareto": [
        {"loc": real(4), "scale": positive(4), "concentration": np.array([0.3, -0.4, 0.6, 1.2])}
    ],
    "Geometric": [{"probs": np.array([0.3, 0.6, 1.0])}, {"logits": real(2)}],
    "Gumbel": [{"loc": real(3), "scale": positive(2, 1)}],
    "HalfCauchy": [{"scale": positive(3)}],
    "HalfNormal": [{"scale": positive(3)}],
    "InverseGamma": [{"concentration": np.array([0.5, 1.5, 3.0]), "rate": positive(3)}],
    "Kumaraswamy": [{"concentration1": 1 + positive(3), "concentration0": 1 + positive(3)}],
    "LKJCholesky": [
        {"dim": 3, "concentration": np.array([0.5, 2.0])},
        {"dim": 2, "concentration": np.array(1.0)},
    ],
    "Laplace": [{"loc": real(3), "scale": positive(2, 1)}],
    "LogNormal": [{"loc": real(3), "scale": chances(2, 1)}],
    "LogisticNormal": [{"loc": real(2, 3), "scale": positive(3)}],
    "LowRankMultivariateNormal": [
        {"loc": real(3), "cov_factor": real(3, 2), "cov_diag": positive(3)},
        {"loc": real(2, 1, 3), "cov_factor": real(2, 3, 1), "cov_diag": positive(3)},
    ],
    "Multinomial": [{"total_count": 4, "probs": simplex(2, 3)}, {"total_count": 3, "logits": real(4)}],
    "MultivariateNormal": [
        {"loc": real(3), "covariance_matrix": covariance(3, 3)},
        {"loc": real(2, 1, 3), "precision_matrix": covariance(2, 3, 3)},
        {"loc": real(2), "scale_tril": np.linalg.cholesky(covariance(3, 2, 2))},
    ],
    "NegativeBinomial": [
        {"total_count": np.array([2.0, 3.5]), "probs": chances(3, 1)},
        {"total_count": np.array(3.0), "logits": real(2)},
    ],
    "Normal": [{"loc": real(3), "scale": positive(2, 1)}, {"loc": 0.0, "scale": 1.5}],
    "OneHotCategorical": [{"probs": simplex(2, 4)}, {"logits": real(3)}],
    "OneHotCategoricalStraightThrough": [{"probs": simplex(2, 4)}],
    "Pareto": [{"scale": positive(3), "alpha": np.array([0.7, 1.5, 3.0])}],
    "Poisson": [{"rate": positive(3)}, {"rate": np.array([0.0, 2.0])}],
    "RelaxedBernoulli": [{"temperature": np.array(0.7), "probs": chances(3)}],
    "RelaxedOneHotCategorical": [{"temperature": np.array(0.7), "logits": real(2, 3)}],
    "StudentT": [{"df": np.array([0.8, 1.5, 4.0]), "loc": real(3), "scale": positive(2, 1)}],
    "Uniform": [{"low": real(3) - 3, "high": positive(3)}],
    "VonMises": [{"loc": real(3), "concentration": positive(3)}],
    "Wishart": [
        {"df": np.array([4.5, 3.0]), "covariance_matrix": covariance(2, 3, 3)},
        {"df": np.array(2.5), "precision_matrix": covariance(2, 2, 2)},
        {"df": np.array([4.5, 3.0]), "scale_tril": np.linalg.cholesky(covariance(2, 2))},
    ],
    "Weibull": [{"scale": positive(3), "concentration": 1 + positive(3)}],
}
pytestmark = pytest.mark.filterwarnings("ignore:Singular sample")  # PyTorch's, of Wishart


@pytest.fixture(autouse=True)
def doubles(request):
    """PyTorch's GeneralizedPareto compares its parameters with a number of the default dtype."""
    named = getattr(request.node, "callspec", None)
    if named is None or named.params.get("name") != "GeneralizedPareto":
        yield
        return
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


CASES = [(name, i) for name, cases in ALL.items() for i in range(len(cases))]


def make(framework, name, index, grad=False):
    """The distribution, and its parameters that are differentiable."""
    given, variables = {}, {}
    for key, value in ALL[name][index].items():
        if isinstance(value, np.ndarray):
            value = framework.tensor(value)
            if grad and key not in ("total_count", "temperature"):
                value = variables[key] = value.requires_grad_()
        given[key] = value
    return getattr(framework.distributions, name)(**given), variables


def equal(mine, theirs, rtol=1e-9):
    """Within ``rtol``, or what float32 allows."""
    assert tuple(mine.shape) == tuple(theirs.shape)
    rtol = 1e-5 if mine.dtype == ours.float32 else rtol
    a, b = mine.detach().numpy(), theirs.detach().numpy()
    np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-10)


def values_of(name, index):
    """Samples of PyTorch, for two draws."""
    torch.manual_seed(3)
    drawn = make(torch, name, index)[0].sample((2,))
    if drawn.is_floating_point() and not make(torch, name, index)[0].support.is_discrete:
        drawn = drawn.double()
    return drawn.numpy()


def compare(name, index, ask, gradients=True):
    """``ask(framework, distribution)`` of both, with the gradients of the sum of its weights."""
    found = []
    for framework in (ours, torch):
        distribution, variables = make(framework, name, index, grad=True)
        found.append((ask(framework, distribution), variables))
    (mine, ours_by), (theirs, theirs_by) = found
    # PyTorch computes Bessel functions to 1e-7, and log n! of a Multinomial in float32
    rtol = 1e-6 if name in ("VonMises", "Multinomial") else 1e-9
    if isinstance(next(iter(ALL[name][index].values())), float):
        rtol = 1e-6  # parameters in float32
    equal(mine, theirs, rtol)
    finite = np.isfinite(theirs.detach().numpy())
    if not gradients or not theirs.requires_grad or not finite.all():
        return
    weights = np.linspace(1, 2, theirs.numel()).reshape(theirs.shape)
    (mine * ours.tensor(weights)).sum().backward()
    (theirs * torch.tensor(weights)).sum().backward()
    for key, variable in theirs_by.items():
        if variable.grad is None:
            assert ours_by[key].grad is None or not ours_by[key].grad.any()
        elif name != "Geometric":  # p = 1 there has no derivative
            found, expected = ours_by[key].grad, variable.grad
            if key == "scale_tril":  # above the diagonal there is nothing
                found, expected = found.tril(), expected.tril()
            equal(found, expected, rtol=100 * rtol)


@pytest.mark.parametrize(("name", "index"), CASES)
def test_log_prob(name, index):
    values = values_of(name, index)
    compare(name, index, lambda f, d: d.log_prob(f.tensor(values)))


@pytest.mark.parametrize(("name", "index"), CASES)
def test_properties(name, index):
    theirs = make(torch, name, index)[0]
    for what in ("mean", "mode", "variance", "stddev", "entropy", "perplexity"):

        def ask(framework, distribution, what=what):
            found = getattr(distribution, what)
            return found() if callable(found) else found

        try:
            ask(torch, theirs)
        except NotImplementedError:
            with pytest.raises(NotImplementedError):
                ask(ours, make(ours, name, index)[0])
            continue
        if (name, what) != ("Kumaraswamy", "mode"):  # PyTorch's is NaN: see below
            compare(name, index, ask, gradients=what != "mode")


def test_mode_of_kumaraswamy():
    d = make(ours, "Kumaraswamy", 0)[0]
    x = ours.linspace(1e-6, 1 - 1e-6, 200_001, dtype=ours.float64).unsqueeze(-1)
    equal(d.mode, x[d.log_prob(x).argmax(0), 0], rtol=1e-4)
    one = ours.ones(1)
    assert D.Kumaraswamy(one, one).mode.isnan().all() and D.Kumaraswamy(one / 2, one).mode.isnan().all()


def test_generalized_pareto_without_concentration():
    """It is exponential there; PyTorch's derivative by the concentration is 0."""
    xi = ours.zeros((), dtype=ours.float64, requires_grad=True)
    d, y = D.GeneralizedPareto(0.0, 1.0, xi), ours.tensor([0.5, 2.0], dtype=ours.float64)
    exponential = D.Exponential(ours.ones((), dtype=ours.float64))
    for what in ("log_prob", "cdf"):
        equal(getattr(d, what)(y), getattr(exponential, what)(y))
    equal(d.icdf(y / 4), exponential.icdf(y / 4))
    equal(d.mean, exponential.mean)
    equal(d.variance, exponential.variance)
    (found,) = ours.autograd.grad(d.log_prob(y).sum(), xi)
    h = 1e-5
    above, below = (D.GeneralizedPareto(0.0, 1.0, xi.detach() + s).log_prob(y).sum() for s in (h, -h))
    assert found.item() == pytest.approx(((above - below) / (2 * h)).item(), rel=1e-6)


@pytest.mark.parametrize(("name", "index"), CASES)
def test_quantiles(name, index):
    theirs = make(torch, name, index)[0]
    values = values_of(name, index)
    p = RNG.uniform(0.02, 0.98, (2, *theirs.batch_shape))
    for what, argument in (("cdf", values), ("icdf", p)):
        try:
            getattr(theirs, what)(torch.tensor(argument))
        except NotImplementedError:
            with pytest.raises(NotImplementedError):
                getattr(make(ours, name, index)[0], what)(ours.tensor(argument))
            continue
        if "concentration" in ALL[name][index] or name == "Chi2":  # the cdf has no derivative by it
            mine = getattr(make(ours, name, index)[0], what)(ours.tensor(argument))
            equal(mine, getattr(theirs, what)(torch.tensor(argument)))
            continue
        compare(name, index, lambda f, d, w=what, a=argument: getattr(d, w)(f.tensor(a)))


@pytest.mark.parametrize(("name", "index"), CASES)
def test_shapes_and_samples(name, index):
    mine, theirs = make(ours, name, index)[0], make(torch, name, index)[0]
    for what in ("batch_shape", "event_shape", "has_rsample", "has_enumerate_support"):
        assert getattr(mine, what) == getattr(theirs, what), what
    assert isinstance(mine, ours.distributions.Distribution)
    for shape in ((), (2,), (2, 0)):
        drawn, expected = mine.sample(shape), theirs.sample(shape if 0 not in shape else ())
        assert drawn.shape == (*shape, *theirs.batch_shape, *theirs.event_shape) and not drawn.requires_grad
        assert str(drawn.dtype) == str(expected.dtype)
        assert mine.support.check(drawn).all()
    assert str(mine) == str(theirs)
    batch = (
        (2, *([3] * len(theirs.batch_shape))) if set(theirs.batch_shape) <= {1} else (2, *theirs.batch_shape)
    )
    wider = mine.expand(batch)
    assert type(wider) is type(mine) and wider.batch_shape == batch and wider.event_shape == mine.event_shape
    values = ours.tensor(values_of(name, index))[0]
    equal(wider.log_prob(values), mine.log_prob(values).expand(batch))
    assert wider.sample((3,)).shape == (3, *batch, *mine.event_shape)
    equal(pickle.loads(pickle.dumps(mine)).log_prob(values), mine.log_prob(values))
    if theirs.has_enumerate_support and (name, index) != ("Binomial", 1):
        for expand in (True, False):
            equal(mine.enumerate_support(expand), theirs.enumerate_support(expand))


@pytest.mark.parametrize("count", [3, 3.0, [3.0, 4.0], [3, 4]])
@pytest.mark.parametrize("given", [0.5, [[0.5], [0.1]]])
@pytest.mark.parametrize("name", ["Binomial", "NegativeBinomial"])
def test_a_number_has_the_dtype_of_the_tensor_beside_it(name, count, given):
    """Except beside integers, where PyTorch makes a probability 0."""
    made = []
    for f in (ours, torch):
        whole = isinstance(count, list) and isinstance(count[0], int)
        counts = f.tensor(count, dtype=f.int64 if whole else f.float64) if isinstance(count, list) else count
        probs = f.tensor(given) if isinstance(given, list) else given
        if whole and f is torch:
            probs = torch.as_tensor(probs)
        drawn = getattr(f.distributions, name)(counts, probs)
        made.append((drawn.total_count, drawn.probs))
    for mine, theirs in zip(*made):
        assert str(mine.dtype) == str(theirs.dtype) and mine.tolist() == theirs.tolist()


def test_every_class_is_compared():
    classes = {
        n for n in D.__all__ if inspect.isclass(getattr(D, n)) and issubclass(getattr(D, n), D.Distribution)
    }
    wrappers = {"Distribution", "ExponentialFamily", "Independent", "MixtureSameFamily"}
    wrappers.add("TransformedDistribution")
    assert classes - wrappers == set(ALL)


# ------------------------------------------------------------------------------------------- of other ones


def mixtures(f):
    t = f.tensor
    d = f.distributions
    one = d.MixtureSameFamily(
        d.Categorical(t(ALL["Categorical"][0]["probs"])),
        d.Normal(t(np.linspace(-2, 2, 8).reshape(2, 4)), t(np.array([0.5, 1.0, 1.5, 2.0]))),
    )
    several = d.MixtureSameFamily(
        d.Categorical(logits=t(np.array([0.1, 0.4]))),
        d.Independent(d.Normal(t(np.array([[-1.0, 0.0, 1.0], [2.0, 3.0, 4.0]])), t(np.array(0.7))), 1),
    )
    return one, several


def test_mixtures():
    x = np.array([-0.3, 0.7])
    for mine, theirs, value in zip(mixtures(ours), mixtures(torch), (x, real(5, 3))):
        assert mine.batch_shape == theirs.batch_shape and mine.event_shape == theirs.event_shape
        equal(mine.mean, theirs.mean)
        equal(mine.variance, theirs.variance)
        equal(mine.log_prob(ours.tensor(value)), theirs.log_prob(torch.tensor(value)))
        assert mine.sample((4,)).shape == theirs.sample((4,)).shape
        assert mine.expand((3, *mine.batch_shape)).sample().shape == (3, *mine.batch_shape, *mine.event_shape)
        assert str(mine) == str(theirs)
    equal(mixtures(ours)[0].cdf(ours.tensor(x)), mixtures(torch)[0].cdf(torch.tensor(x)))


def flows(f):
    t, d, n = f.tensor, f.distributions, f.distributions.transforms
    normal = d.Normal(t(np.zeros(3)), t(np.ones(3)))
    zero = d.Normal(t(np.array(0.0)), t(np.array(1.0)))
    low, scale = t(np.array([1.0, -1.0, 0.5])), t(np.array([2.0, 0.5, -1.0]))
    return [
        (
            d.TransformedDistribution(normal, [n.AffineTransform(low, scale), n.TanhTransform()]),
            chances(2, 3),
        ),
        (d.TransformedDistribution(normal, n.SigmoidTransform()), chances(2, 3)),
        (d.TransformedDistribution(normal, n.StickBreakingTransform()), simplex(2, 4)),
        (d.TransformedDistribution(d.Independent(normal, 1), n.SoftplusTransform()), positive(2, 3)),
        (d.TransformedDistribution(normal, n.ReshapeTransform((3,), (3, 1))), real(3, 1)),
        (d.TransformedDistribution(zero, [n.AffineTransform(low, scale)]), real(3)),
        (d.Independent(normal, 1), real(2, 3)),
        (d.Independent(normal, 0), real(2, 3)),
    ]


def test_flows():
    state = RNG.bit_generator.state
    mine = flows(ours)
    RNG.bit_generator.state = state
    for (a, value), (b, _) in zip(mine, flows(torch)):
        assert a.batch_shape == b.batch_shape and a.event_shape == b.event_shape
        equal(a.log_prob(ours.tensor(value)), b.log_prob(torch.tensor(value)))
        assert a.rsample((5,)).shape == b.rsample((5,)).shape
        assert str(a) == str(b) and str(a.support) == str(b.support)
        wider = a.expand((4, *a.batch_shape))
        assert wider.rsample().shape == (4, *a.batch_shape, *a.event_shape)
    for what in ("cdf", "icdf"):
        p = chances(2, 3)
        equal(getattr(mine[0][0], what)(ours.tensor(p)), getattr(flows(torch)[0][0], what)(torch.tensor(p)))
    equal(mine[6][0].entropy(), flows(torch)[6][0].entropy())


# ------------------------------------------------------------------------------------------- wrong calls


WRONG = [
    lambda f, d: d.Normal(f.tensor(0.0), f.tensor(-1.0)),
    lambda f, d: d.Normal(f.tensor([0.0]), "a"),
    lambda f, d: d.Normal(f.tensor(math.nan), 1.0),
    lambda f, d: d.Normal(0.0, 1.0).log_prob(3.0),
    lambda f, d: d.Normal(f.zeros(2), 1.0).log_prob(f.zeros(3)),
    lambda f, d: d.Normal(0.0, 1.0).log_prob(f.tensor(math.nan)),
    lambda f, d: d.Bernoulli(),
    lambda f, d: d.Bernoulli(0.3, 0.3),
    lambda f, d: d.Bernoulli(1.3),
    lambda f, d: d.Bernoulli(0.3).log_prob(f.tensor(0.5)),
    lambda f, d: d.Bernoulli(0.3).rsample(),
    lambda f, d: d.Binomial(3, 0.5).log_prob(f.tensor(4.0)),
    lambda f, d: d.Binomial(f.tensor([3.0, 4.0]), f.tensor([0.5, 0.5])).enumerate_support(),
    lambda f, d: d.Categorical(f.tensor(0.5)),
    lambda f, d: d.Categorical(f.tensor([-0.5, 1.0])),
    lambda f, d: d.Categorical(f.ones(3)).log_prob(f.tensor(3)),
    lambda f, d: d.ContinuousBernoulli(1.5, validate_args=True),
    lambda f, d: d.Dirichlet(f.tensor(0.5)),
    lambda f, d: d.Dirichlet(f.ones(2)).log_prob(f.ones(2)),
    lambda f, d: d.Geometric(0.0),
    lambda f, d: d.Independent(d.Normal(0.0, 1.0), 1),
    lambda f, d: d.Independent(d.Bernoulli(f.ones(2) / 2), 1).enumerate_support(),
    lambda f, d: d.MixtureSameFamily(d.Normal(0.0, 1.0), d.Normal(f.zeros(2), 1.0)),
    lambda f, d: d.MixtureSameFamily(d.Categorical(f.ones(3)), d.Normal(f.zeros(2), 1.0)),
    lambda f, d: d.MixtureSameFamily(d.Categorical(f.ones(4, 2)), d.Normal(f.zeros(3, 2), 1.0)),
    lambda f, d: d.Multinomial(f.tensor(3), f.ones(2)),
    lambda f, d: d.Multinomial(2, f.ones(2)).log_prob(f.tensor([3.0, 0.0])),
    lambda f, d: d.MultivariateNormal(f.tensor(0.0), f.eye(1)),
    lambda f, d: d.MultivariateNormal(f.zeros(2)),
    lambda f, d: d.MultivariateNormal(f.zeros(2), f.ones(2)),
    lambda f, d: d.MultivariateNormal(f.zeros(2), -f.eye(2)),
    lambda f, d: d.MultivariateNormal(f.zeros(2), f.tensor([[1.0, 2.0], [0.0, 1.0]])),
    lambda f, d: d.LowRankMultivariateNormal(f.zeros(2), f.ones(3, 1), f.ones(2)),
    lambda f, d: d.LowRankMultivariateNormal(f.zeros(2), f.ones(2, 1), f.ones(3)),
    lambda f, d: d.Poisson(1.0).log_prob(f.tensor(-1.0)),
    lambda f, d: d.TransformedDistribution(d.Normal(0.0, 1.0), "a"),
    lambda f, d: d.TransformedDistribution(d.Normal(0.0, 1.0), d.StickBreakingTransform()),
    lambda f, d: d.Uniform(1.0, 0.0),
    lambda f, d: d.Uniform(0.0, 1.0).log_prob(f.tensor(2.0)),
    lambda f, d: d.Distribution.set_default_validate_args(3),
    lambda f, d: d.kl_divergence(d.Normal(0.0, 1.0), d.Bernoulli(0.5)),
    lambda f, d: d.register_kl(3, d.Normal),
]


@pytest.mark.parametrize("call", range(len(WRONG)))
def test_wrong_calls_raise_pytorchs_class(call, monkeypatch):
    # PyTorch's compiler, once any test has called it, has switched the checks off
    monkeypatch.setattr(torch.distributions.Distribution, "_validate_args", True)
    with pytest.raises(Exception) as expected:
        WRONG[call](torch, torch.distributions)
    with pytest.raises(expected.type):
        WRONG[call](ours, ours.distributions)


NUMBERS = [-1.0, 0.0, 0.3, 1.0, 2, True, math.inf, math.nan]


@pytest.mark.parametrize("name", ALL)
def test_numbers_are_taken_where_pytorch_takes_them(name, monkeypatch):
    monkeypatch.setattr(torch.distributions.Distribution, "_validate_args", True)

    def taken(d, a, b):
        try:
            getattr(d, name)(a, b)
        except Exception:  # of which class: see above
            return False
        return True

    for pair in itertools.product(NUMBERS, [None, *NUMBERS]):
        assert taken(D, *pair) == taken(torch.distributions, *pair), pair


def test_validation_can_be_switched_off():
    for f in (ours, torch):
        d = f.distributions
        assert d.Normal(0.0, -1.0, validate_args=False).scale == -1
        d.Distribution.set_default_validate_args(False)
        try:
            assert d.Bernoulli(2.0).probs == 2 and d.Uniform(0.0, 1.0).log_prob(f.tensor(3.0)) == -math.inf
        finally:
            d.Distribution.set_default_validate_args(True)
        with pytest.warns(FutureWarning, match="will be deprecated"):
            assert d.Normal(0.0, 1.0).sample_n(3).shape == (3,)
