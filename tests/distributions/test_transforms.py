"""Transforms, constraints and their registry against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.distributions import constraints, transforms

RNG = np.random.default_rng(17)
X = RNG.normal(size=(2, 3))
SQUARE = RNG.normal(size=(2, 3, 3))
POSITIVE = RNG.gamma(2.0, 1.0, (2, 3)) + 0.1


def made(f):
    """name -> (transform, x)."""
    n, t = f.distributions.transforms, f.tensor
    two = t(np.array([2.0, -0.5, 1.5]))
    uniform = f.distributions.Uniform(t(np.array(-9.0)), t(np.array(9.0)))
    both = [n.ExpTransform(), n.TanhTransform()]
    return {
        "exp": (n.ExpTransform(), X),
        "power": (n.PowerTransform(two), POSITIVE),
        "sigmoid": (n.SigmoidTransform(), X),
        "softplus": (n.SoftplusTransform(), X),
        "tanh": (n.TanhTransform(), X),
        "abs": (n.AbsTransform(), POSITIVE),
        "affine": (n.AffineTransform(1.0, -2.0), X),
        "affine of vectors": (n.AffineTransform(two, two, event_dim=1), X),
        "cdf": (n.CumulativeDistributionTransform(uniform), X),
        "inverse": (n.ExpTransform().inv, POSITIVE),
        "compose": (n.ComposeTransform([n.AffineTransform(0.5, two), n.ExpTransform()]), X),
        "compose with vectors": (n.ComposeTransform([n.TanhTransform(), n.StickBreakingTransform()]), X),
        "compose nothing": (n.identity_transform, X),
        "independent": (n.IndependentTransform(n.ExpTransform(), 1), X),
        "reshape": (n.ReshapeTransform((2, 3), (6,)), X),
        "softmax": (n.SoftmaxTransform(), X),
        "stick breaking": (n.StickBreakingTransform(), X),
        "lower cholesky": (n.LowerCholeskyTransform(), SQUARE),
        "positive definite": (n.PositiveDefiniteTransform(), SQUARE),
        "corr cholesky": (n.CorrCholeskyTransform(), RNG.normal(size=(2, 6))),
        "cat": (n.CatTransform(both, dim=-1, lengths=[1, 2]), X),
        "cat of the first": (n.CatTransform(both, dim=0, lengths=[1, 1]), X),
        "stack": (n.StackTransform([*both, n.SigmoidTransform()], dim=-1), X),
    }


NAMES = list(made(ours))


def numbers(value):
    return value.detach().numpy()


@pytest.mark.parametrize("name", NAMES)
def test_values_and_determinants(name):
    RNG.bit_generator.state = np.random.default_rng(5).bit_generator.state
    mine, x = made(ours)[name]
    RNG.bit_generator.state = np.random.default_rng(5).bit_generator.state
    theirs, _ = made(torch)[name]
    a, b = ours.tensor(x), torch.tensor(x)
    y, z = mine(a), theirs(b)
    np.testing.assert_allclose(numbers(y), numbers(z), rtol=1e-12)
    back = mine.inv(y)
    np.testing.assert_allclose(numbers(back), numbers(theirs.inv(z)), rtol=1e-9, atol=1e-12)
    assert mine.bijective == theirs.bijective
    assert mine.forward_shape(a.shape) == tuple(theirs.forward_shape(b.shape)) == y.shape
    assert mine.inverse_shape(y.shape) == tuple(theirs.inverse_shape(z.shape)) == a.shape
    assert mine.domain.event_dim == theirs.domain.event_dim
    assert mine.codomain.event_dim == theirs.codomain.event_dim
    assert mine.codomain.check(y).all()
    if not mine.bijective:
        return
    np.testing.assert_allclose(numbers(back), x, rtol=1e-8, atol=1e-10)
    found, expected = mine.log_abs_det_jacobian(a, y), theirs.log_abs_det_jacobian(b, z)
    assert tuple(found.shape) == tuple(expected.shape)
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-9, atol=1e-12)
    inverse = mine.inv.log_abs_det_jacobian(y, a)
    np.testing.assert_allclose(numbers(inverse), -numbers(found), rtol=1e-9, atol=1e-12)


def test_determinants_are_those_of_the_jacobian():
    n = transforms
    t = ours.tensor
    for f, x in [(n.StickBreakingTransform(), t(X[0])), (n.TanhTransform(), t(X[0, :1]))]:
        jacobian = ours.func.jacrev(f)(x)[: x.shape[0]]
        expected = ours.linalg.slogdet(jacobian)[1]
        np.testing.assert_allclose(f.log_abs_det_jacobian(x, f(x)).sum().item(), expected.item(), rtol=1e-10)


def test_sets_of_parameters():
    """A transform into each set, for optimizers."""
    c = "real positive nonnegative unit_interval simplex lower_cholesky positive_definite corr_cholesky"
    for name in c.split():
        for registry in ("biject_to", "transform_to"):
            sets = [getattr(f.distributions.constraints, name) for f in (ours, torch)]
            try:
                theirs = getattr(torch.distributions, registry)(sets[1])
            except NotImplementedError:
                with pytest.raises(NotImplementedError):
                    getattr(ours.distributions, registry)(sets[0])
                continue
            mine = getattr(ours.distributions, registry)(sets[0])
            x = SQUARE if theirs.domain.event_dim == 2 else X
            y = mine(ours.tensor(x))
            np.testing.assert_allclose(numbers(y), numbers(theirs(torch.tensor(x))), rtol=1e-10)
            assert sets[0].check(y).all()
    for make in (
        lambda c: c.greater_than(2.0),
        lambda c: c.greater_than_eq(2.0),
        lambda c: c.less_than(2.0),
        lambda c: c.interval(-1.0, 3.0),
        lambda c: c.half_open_interval(-1.0, 3.0),
        lambda c: c.independent(c.positive, 1),
        lambda c: c.cat([c.positive, c.real], -1, [1, 2]),
        lambda c: c.stack([c.positive, c.real, c.unit_interval], -1),
    ):
        for registry in ("biject_to", "transform_to"):
            mine, theirs = (
                getattr(f.distributions, registry)(make(f.distributions.constraints)) for f in (ours, torch)
            )
            np.testing.assert_allclose(
                numbers(mine(ours.tensor(X))), numbers(theirs(torch.tensor(X))), rtol=1e-10
            )
    with pytest.raises(NotImplementedError, match="cannot transform"):
        ours.distributions.biject_to(constraints.boolean)
    with pytest.raises(TypeError, match="Constraint subclass"):
        ours.distributions.biject_to.register(3, lambda c: c)


CHECKS = {
    "boolean": [0.0, 1.0, 0.5],
    "one_hot": [[0.0, 1.0], [1.0, 1.0], [0.5, 0.5]],
    "nonnegative_integer": [0.0, 1.5, -1.0],
    "positive_integer": [0.0, 1.0, 2.5],
    "real": [0.0, np.inf, np.nan],
    "real_vector": [[0.0, 1.0], [np.nan, 0.0]],
    "positive": [0.0, 1.0, -1.0],
    "nonnegative": [0.0, 1.0, -1.0],
    "unit_interval": [0.0, 1.0, 1.5],
    "simplex": [[0.5, 0.5], [0.5, 0.6], [1.5, -0.5]],
    "lower_triangular": [[[1.0, 0.0], [2.0, 1.0]], [[1.0, 1.0], [0.0, 1.0]]],
    "lower_cholesky": [[[1.0, 0.0], [2.0, 1.0]], [[1.0, 0.0], [2.0, -1.0]]],
    "corr_cholesky": [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [0.6, 0.9]]],
    "square": [[[1.0, 2.0]], [[1.0, 2.0]]],
    "symmetric": [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 2.0], [3.0, 1.0]]],
    "positive_semidefinite": [[[1.0, 2.0], [2.0, 1.0]], [[2.0, 1.0], [1.0, 2.0]]],
    "positive_definite": [[[1.0, 2.0], [2.0, 1.0]], [[2.0, 1.0], [1.0, 2.0]]],
}


@pytest.mark.parametrize("name", CHECKS)
def test_constraints(name):
    mine, theirs = (getattr(f.distributions.constraints, name) for f in (ours, torch))
    value = np.array(CHECKS[name])
    found, expected = mine.check(ours.tensor(value)), theirs.check(torch.tensor(value))
    assert found.tolist() == expected.tolist() and str(found.dtype) == "torch.bool"
    assert (mine.event_dim, mine.is_discrete, repr(mine)) == (
        theirs.event_dim,
        theirs.is_discrete,
        repr(theirs),
    )


def test_dependent_sets():
    for f in (ours, torch):
        c = f.distributions.constraints
        assert c.is_dependent(c.dependent) and not c.is_dependent(c.real)
        assert f.distributions.Uniform.support.event_dim == 0
        assert c.is_dependent(f.distributions.Uniform.support)
        with pytest.raises(ValueError):
            c.dependent.check(f.ones(1))
        with pytest.raises(ValueError):
            c.independent(c.real, 2).check(f.ones(1))
        with pytest.raises(NotImplementedError):
            c.Constraint().check(f.ones(1))


def test_caches_and_equality():
    for f in (ours, torch):
        n = f.distributions.transforms
        x = f.tensor(30.0)
        y = n.SigmoidTransform()(x)
        assert n.SigmoidTransform().inv(y).item() != 30  # the sigmoid is 1 in float32
        cached = n.SigmoidTransform(cache_size=1)
        assert cached.inv(cached(x)) is x and cached(x) is cached(x)
        assert n.SigmoidTransform().with_cache()._cache_size == 1
        assert n.ExpTransform() == n.ExpTransform() and n.ExpTransform() != n.AbsTransform()
        assert n.AffineTransform(1, 2) == n.AffineTransform(1.0, 2.0) != n.AffineTransform(1, 3)
        assert n.PowerTransform(f.tensor(2.0)) == n.PowerTransform(f.tensor(2.0))
        assert n.ComposeTransform([n.ExpTransform()]) == n.ComposeTransform([n.ExpTransform()])
        assert n.ExpTransform().inv == n.ExpTransform().inv and n.ExpTransform().inv.inv == n.ExpTransform()
        with pytest.raises(ValueError):
            n.ExpTransform(cache_size=3)
        with pytest.raises(ValueError):
            n.ReshapeTransform((2,), (3,))
        with pytest.raises((ValueError, RuntimeError)):
            n.ReshapeTransform((2,), (1, 2))(f.ones(3))
        with pytest.raises((ValueError, RuntimeError)):
            n.CorrCholeskyTransform()(f.ones(4))
        with pytest.raises(ValueError):
            n.IndependentTransform(n.ExpTransform(), 2)(f.ones(1))


@pytest.mark.parametrize("f", [ours, torch], ids=["ours", "torch"])
def test_transforms_and_distributions_can_be_modules(f):
    """As those of Pyro, which also empties the cache by its name."""
    n, nn = f.distributions, f.nn

    class Scale(n.transforms.Transform, nn.Module):
        domain = codomain = n.constraints.real
        bijective = True
        __hash__ = nn.Module.__hash__

        def __init__(self):
            super().__init__(cache_size=1)
            self.log_scale = nn.Parameter(f.tensor(0.5))

        def _call(self, x):
            return x * self.log_scale.exp()

        def _inverse(self, y):
            return y / self.log_scale.exp()

        def log_abs_det_jacobian(self, x, y):
            return self.log_scale.expand(x.shape)

    class Learned(n.Normal, nn.Module):
        def __init__(self):
            super().__init__(f.zeros(2), f.ones(2))
            self.scale_of = Scale()

    learned = Learned()
    x = f.tensor([1.0, -2.0])
    y = learned.scale_of(x)
    assert learned.scale_of._cached_x_y[1] is y and learned.scale_of.inv(y) is x
    found = n.TransformedDistribution(learned, [learned.scale_of]).log_prob(f.tensor([1.0, -2.0])).sum()
    found.backward()
    assert [name for name, _ in learned.named_parameters()] == ["scale_of.log_scale"]
    np.testing.assert_allclose(learned.scale_of.log_scale.grad.item(), 5 * np.exp(-1) - 2, rtol=1e-5)
