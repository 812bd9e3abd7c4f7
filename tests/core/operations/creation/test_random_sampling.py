"""Random tensors: streams, distributions (fixed seeds, bounds of five standard errors), errors."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch as reference

import cnn_physics77 as torch
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError

N = 20_000


def generator(seed=67):
    return torch.Generator().manual_seed(seed)


DRAWS = {
    "rand": lambda g: torch.rand(3, 4, generator=g),
    "randn": lambda g: torch.randn(3, 4, generator=g),
    "randint": lambda g: torch.randint(10, (3, 4), generator=g),
    "randperm": lambda g: torch.randperm(20, generator=g),
    "rand_like": lambda g: torch.rand_like(torch.zeros(3, 4), generator=g),
    "randn_like": lambda g: torch.randn_like(torch.zeros(3, 4), generator=g),
    "randint_like": lambda g: torch.randint_like(torch.zeros(3, 4), 2, 10, generator=g),
    "normal": lambda g: torch.normal(torch.zeros(4), torch.ones(3, 1), generator=g),
    "bernoulli": lambda g: torch.bernoulli(torch.full((20,), 0.5), generator=g),
    "poisson": lambda g: torch.poisson(torch.full((20,), 3.0), generator=g),
    "multinomial": lambda g: torch.multinomial(torch.ones(20), 10, generator=g),
    "with replacement": lambda g: torch.multinomial(torch.ones(20), 10, True, generator=g),
    "uniform_": lambda g: torch.empty(8).uniform_(-1, 1, generator=g),
    "normal_": lambda g: torch.empty(8).normal_(1, 2, generator=g),
    "bernoulli_": lambda g: torch.empty(20).bernoulli_(0.5, generator=g),
    "exponential_": lambda g: torch.empty(8).exponential_(2.0, generator=g),
    "random_": lambda g: torch.empty(8).random_(100, generator=g),
    "cauchy_": lambda g: torch.empty(8).cauchy_(generator=g),
    "geometric_": lambda g: torch.empty(20).geometric_(0.2, generator=g),
    "log_normal_": lambda g: torch.empty(8).log_normal_(generator=g),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_equal_seeds_give_equal_bits(draw):
    first, again, other = draw(generator()), draw(generator()), draw(generator(68))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.manual_seed(67)
    by_default = draw(None)
    assert torch.equal(by_default, first)
    assert not torch.equal(draw(None), first)  # the stream goes on


def test_the_state_of_the_stream():
    torch.manual_seed(5)
    torch.rand(3)
    state = torch.get_rng_state()
    a = torch.rand(3)
    torch.set_rng_state(state)
    assert torch.equal(torch.rand(3), a)
    assert torch.initial_seed() == 5
    g = generator()
    torch.rand(3, generator=g)
    other = g.clone_state()
    assert torch.equal(torch.rand(3, generator=g), torch.rand(3, generator=other))
    assert g.initial_seed() == other.initial_seed() == 67
    with pytest.raises(TypeError, match="set_state: expected RNG state"):
        g.set_state({})


def test_seeds():
    g = torch.Generator()
    assert g.seed() == g.initial_seed()
    assert g.seed() != g.seed()
    assert g.manual_seed(-1).initial_seed() == 2**64 - 1
    with pytest.raises(ValueError, match="64 bits"):
        g.manual_seed(2**64)
    with pytest.raises(RuntimeError, match="cpu"):
        torch.Generator("cuda")
    assert torch.seed() == torch.initial_seed()


@pytest.mark.parametrize(
    ("values", "mean", "variance"),
    [
        (torch.rand(N, generator=generator()), 1 / 2, 1 / 12),
        (torch.rand(N, generator=generator(), dtype=np.float64), 1 / 2, 1 / 12),
        (torch.randn(N, generator=generator()), 0, 1),
        (torch.randint(2, 5, (N,), generator=generator()), 3, 2 / 3),
        (torch.normal(2.0, 3.0, (N,), generator=generator()), 2, 9),
        (torch.bernoulli(torch.full((N,), 0.3), generator=generator()), 0.3, 0.21),
        (torch.poisson(torch.full((N,), 4.0), generator=generator()), 4, 4),
        (torch.multinomial(torch.tensor([1.0, 3.0]), N, True, generator=generator()), 0.75, 0.1875),
        (torch.empty(N).uniform_(-1, 3, generator=generator()), 1, 16 / 12),
        (torch.empty(N).normal_(1, 2, generator=generator()), 1, 4),
        (torch.empty(N).exponential_(2.0, generator=generator()), 0.5, 0.25),
        (torch.empty(N).bernoulli_(0.2, generator=generator()), 0.2, 0.16),
        (torch.empty(N).random_(3, generator=generator()), 1, 2 / 3),
        (torch.empty(N).cauchy_(3, 2, generator=generator()).sub(3).div(2).atan(), 0, np.pi**2 / 12),
        (torch.empty(N).geometric_(0.4, generator=generator()), 2.5, 3.75),
        (torch.empty(N, dtype=torch.uint8).geometric_(0.4, generator=generator()), 2.5, 3.75),
        (torch.empty(N).log_normal_(-1, 0.5, generator=generator()).log(), -1, 0.25),
    ],
)
def test_mean_and_variance(values, mean, variance):
    found = values.double()
    assert abs(found.mean().item() - mean) < 5 * (variance / N) ** 0.5
    assert found.var().item() == pytest.approx(variance, rel=0.1)


def test_complex_normal_numbers_have_variance_one():
    z = torch.randn(N, dtype=np.complex128, generator=generator())
    assert z.real.var().item() == pytest.approx(0.5, rel=0.05)
    assert z.imag.var().item() == pytest.approx(0.5, rel=0.05)


def test_dtypes():
    assert torch.rand(2).dtype == np.float32
    assert torch.rand(2, dtype=np.float16).dtype == np.float16
    assert torch.randint(3, (2,)).dtype == np.int64
    assert torch.randint(3, (2,), dtype=np.float64).dtype == np.float64
    assert torch.rand(()).shape == ()
    assert torch.randn(0, 3).shape == (0, 3)
    assert torch.rand(2, requires_grad=True).is_leaf
    assert torch.normal(torch.zeros(2, dtype=np.float64), 1.0).dtype == np.float64


def test_a_permutation_has_every_number_once():
    assert sorted(torch.randperm(50).tolist()) == list(range(50))
    assert torch.randperm(0).tolist() == []


def test_multinomial_without_replacement_draws_each_index_once():
    weights = torch.tensor([[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 1.0, 0.0]])
    drawn = torch.multinomial(weights, 3, generator=generator())
    assert [sorted(row) for row in drawn.tolist()] == [[1, 2, 3], [0, 1, 2]]
    first = torch.stack([torch.multinomial(torch.tensor([1.0, 3.0]), 1) for _ in range(2000)])
    assert first.double().mean().item() == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: torch.rand(2, dtype=np.int64), DtypeError, "rand: expected a floating"),
        (lambda: torch.rand(-1), ShapeError, "non-negative"),
        (lambda: torch.randint(3, 3, (2,)), ValueError, "low < high"),
        (lambda: torch.randint(3), ShapeError, "with a tuple as size"),
        (lambda: torch.normal(0.0, -1.0, (2,)), ValueError, "non-negative"),
        (lambda: torch.normal(0.0, 1.0), ShapeError, "expected a size"),
        (lambda: torch.bernoulli(torch.tensor([1.5])), ValueError, "0 <= p <= 1"),
        (lambda: torch.poisson(torch.tensor([-1.0])), ValueError, "negative"),
        (lambda: torch.multinomial(torch.tensor([0.0, 0.0]), 1), ValueError, "not all 0"),
        (lambda: torch.multinomial(torch.tensor([1, 1]), 1), RuntimeError, "floating weights"),
        (lambda: torch.multinomial(torch.tensor([-1.0, 2.0]), 1), ValueError, "non-negative"),
        (lambda: torch.multinomial(torch.tensor([1.0, 0.0]), 2), ShapeError, "without replacement"),
        (lambda: torch.multinomial(torch.ones(2), 0), ValueError, "at least 1"),
        (lambda: torch.multinomial(torch.ones(1, 1, 1), 1), ShapeError, "(n,) or (m, n)"),
        (lambda: torch.ones(2).uniform_(2, 1), ValueError, "from <= to"),
        (lambda: torch.ones(2).normal_(0, -1), ValueError, "non-negative"),
        (lambda: torch.ones(2).bernoulli_(2), ValueError, "0 <= p <= 1"),
        (lambda: torch.ones(2).exponential_(0), ValueError, "positive"),
        (lambda: torch.ones(2).random_(3, 3), ValueError, "from < to"),
        (lambda: torch.ones(2).cauchy_(0, 0), ValueError, "sigma > 0"),
        (lambda: torch.ones(2).geometric_(1), ValueError, "0 < p < 1"),
        (lambda: torch.ones(2).log_normal_(0, -1), ValueError, "std > 0"),
        (lambda: torch.ones(2, dtype=np.int64).uniform_(), DtypeError, "floating"),
        (lambda: torch.ones(2).uniform_(low=1), TypeError, "uniform_"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


def test_overwriting_with_random_numbers():
    x = torch.zeros(3, requires_grad=True)
    with pytest.raises(GradientError, match="normal_"):
        x.normal_()
    with torch.no_grad():
        assert x.normal_() is x
    y = x * 2
    version = y._version
    y.uniform_(**{"from": 5, "to": 6})
    assert y._version == version + 1
    assert bool((y >= 5).all())
    assert y.requires_grad  # as in PyTorch: nothing of x is left in it, which its gradient says
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_a_derivative_that_needs_what_was_overwritten_says_so():
    x = torch.ones(3, requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    y.normal_()
    with pytest.raises(GradientError, match="modified by an inplace operation"):
        z.backward()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("bounds", [(0, 1), (0, 4), (1, 2), (-3, -1), (1000, 1001), (0.1, 0.3), (-1e-3, 1e4)])
def test_uniform_numbers_do_not_reach_the_upper_bound(dtype, bounds):
    drawn = torch.empty(200_000, dtype=dtype).uniform_(*bounds, generator=generator())
    filled = torch.nn.init.uniform_(torch.empty(200_000, dtype=dtype), *bounds, generator=generator())
    for x in (drawn, filled):
        low, high = (np.asarray(b, dtype) for b in bounds)
        assert x.dtype == dtype
        assert low <= x.min().item() and x.max().item() < high
        centre, spread = (bounds[0] + bounds[1]) / 2, (bounds[1] - bounds[0]) / 12**0.5
        ulp = float(np.spacing(high))
        assert abs(x.double().mean().item() - centre) < 0.02 * spread + ulp


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
def test_rand_does_not_reach_one(dtype):
    for x in (
        torch.rand(200_000, dtype=dtype, generator=generator()),
        torch.rand_like(torch.empty(200_000, dtype=dtype), generator=generator()),
    ):
        assert x.min().item() >= 0 and x.max().item() < 1
        assert torch.log(1 - x).isfinite().all()


def test_the_largest_number_of_the_generator_stays_below_the_bound():
    class Largest:
        """Draws the largest number there is, as nothing else would in reasonable time."""

        def random(self, shape, dtype=np.float64):
            kind = np.dtype(dtype).type
            return np.full(shape, np.nextafter(kind(1), kind(0)))

    high = SimpleNamespace(numpy=Largest())
    for dtype in (torch.float16, torch.float32, torch.float64):
        assert torch.rand(2, dtype=dtype, generator=high).max() < 1
        for low, bound in ((0, 4), (1, 2), (-1, 1), (5, 5 + 1 / 64), (1e6, 1e6 + 1), (-7, 0)):
            if bound < float(np.finfo(dtype).max):
                x = torch.empty(2, dtype=dtype).uniform_(low, bound, generator=high)
                assert x.max().item() < np.asarray(bound, dtype), (dtype, low, bound)
    # the sum of the weights, times the largest number, is rounded to the sum
    weights = torch.tensor([0.1, 0.2, 0.4, 0.0], dtype=torch.float64)
    assert torch.multinomial(weights, 3, replacement=True, generator=high).tolist() == [2, 2, 2]
    assert bool(torch.bernoulli(torch.ones(3), generator=high).all())


def test_uniform_numbers_between_equal_bounds():
    assert torch.empty(2, dtype=torch.float16).uniform_(2, 2).tolist() == [2.0, 2.0]


def test_integers_in_floating_dtypes_do_not_reach_the_upper_bound():
    for x in (
        torch.randint(0, 4096, (100_000,), dtype=torch.float16, generator=generator()),
        torch.zeros(100_000, dtype=torch.float16).random_(0, 4096, generator=generator()),
    ):
        assert x.max() == 4092  # as in PyTorch, which keeps clear of those that are rounded to the bound


@pytest.mark.parametrize("rate", [1e-5, 1.0, 1e6])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32], ids=str)
def test_exponential_numbers_are_positive_and_finite(dtype, rate):
    x = torch.empty(100_000, dtype=dtype).exponential_(rate, generator=generator())
    assert x.min() > 0
    assert x.isfinite().all()
    assert torch.log(x).isfinite().all()


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.empty(2, dtype=t.float16).uniform_(-40000, 40000),
        lambda t: t.empty(2).uniform_(-3e38, 3e38),
        lambda t: t.empty(2, dtype=t.float16).uniform_(0, 1e6),
        lambda t: t.randint(0, 300, (2,), dtype=t.int8),
        lambda t: t.randint(-1, 3, (2,), dtype=t.uint8),
        lambda t: t.randint(0, 3, (2,), dtype=t.bool),
        lambda t: t.randint(0, 100_000, (2,), dtype=t.float16),
        lambda t: t.zeros(2, dtype=t.int8).random_(0, 300),
        lambda t: t.zeros(2, dtype=t.int64).exponential_(),
        lambda t: t.zeros(2, dtype=t.int64).cauchy_(),
        lambda t: t.zeros(2, dtype=t.complex64).cauchy_(),
        lambda t: t.zeros(2, dtype=t.bool).geometric_(0.5),
        lambda t: t.zeros(2, dtype=t.int64).log_normal_(),
    ],
)
def test_what_the_dtype_does_not_hold_is_refused(call):
    with pytest.raises(RuntimeError):
        call(reference)
    with pytest.raises((ValueError, DtypeError)):
        call(torch)


@pytest.mark.parametrize("requires", [(True, True), (True, False), (False, True)])
def test_the_gradients_of_the_parameters_of_normal_are_zero(requires):
    results = []
    for t in (reference, torch):
        mean = t.ones(2, 1, requires_grad=requires[0])
        std = t.ones(3, requires_grad=requires[1])
        y = t.normal(mean, std)
        assert y.requires_grad and not y.is_leaf
        (y * y).sum().backward()
        results.append([None if p.grad is None else p.grad.tolist() for p in (mean, std)])
    assert results[0] == results[1]
    assert not torch.normal(torch.ones(2), 1.0).requires_grad
    with torch.no_grad():
        assert not torch.normal(torch.ones(2, requires_grad=True), 1.0).requires_grad


@pytest.mark.parametrize("name", ["bernoulli", "poisson"])
def test_the_gradient_of_a_probability_or_rate_is_zero(name):
    for t in (reference, torch):
        p = t.full((3,), 0.5, requires_grad=True)
        y = getattr(t, name)(p)
        assert y.requires_grad
        (g,) = t.autograd.grad((y * p).sum(), p)
        assert t.equal(g, y.detach())  # through the factor p alone


@pytest.mark.parametrize(
    "name", ["uniform_", "normal_", "exponential_", "bernoulli_", "random_", "cauchy_", "log_normal_"]
)
def test_the_gradient_of_what_was_overwritten_by_random_numbers_is_zero(name):
    for t in (reference, torch):
        x = t.ones(3, requires_grad=True)
        y = x * 2
        getattr(y, name)()
        (y.sum() + x.sum()).backward()
        assert x.grad.tolist() == [1.0, 1.0, 1.0]


def test_expanded_memory_is_not_filled():
    with pytest.raises(ShapeError, match="single memory location"):
        torch.zeros(1).expand(3).uniform_()


def test_bounds_may_be_tensors_without_dimensions():
    results = []
    for kind in (float, lambda number: torch.tensor(number, dtype=torch.float64)):
        torch.manual_seed(3)
        low, high = kind(-0.5), kind(2.0)
        results.append(torch.cat([torch.empty(4).uniform_(low, high), torch.empty(4).normal_(low, high)]))
    assert torch.equal(*results)
