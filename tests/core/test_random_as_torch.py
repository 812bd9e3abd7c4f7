"""The same seed gives PyTorch's numbers: orders of memory, states, layers, loaders, distributions."""

import math
from functools import partial

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.random.numbers import Numbers

SEED = 67


def both(make, tolerance=0.0):
    """Compare ``make(torch)`` with ours from one seed, and what is drawn after it."""
    found = []
    for framework in (torch, ours):
        framework.manual_seed(SEED)
        made = make(framework)
        made = list(made) if isinstance(made, (list, tuple)) else [made]
        found.append([np.asarray(each.detach()) for each in [*made, framework.rand(2)]])
    for expected, got in zip(*found, strict=True):
        assert got.dtype == expected.dtype and got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


DTYPES = ["float32", "float64", "complex64", "complex128"]
ORDERS = {
    "contiguous": lambda t, dtype: t.empty(6, 8, dtype=dtype),
    "transposed": lambda t, dtype: t.empty(6, 8, dtype=dtype).t(),
    "strided": lambda t, dtype: t.empty(6, 16, dtype=dtype)[:, ::2],
    "channels_last": lambda t, dtype: t.empty(2, 3, 4, 5, dtype=dtype).to(memory_format=t.channels_last),
    "small": lambda t, dtype: t.empty(3, 5, dtype=dtype),
    "empty": lambda t, dtype: t.empty(0, 5, dtype=dtype),
}


def _rounding(dtype: str) -> float:
    return 1e-6 if dtype in ("float32", "complex64") else 1e-14


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (16,), (5, 7), (40_000,), (2, 0)])
def test_uniform_and_normal_numbers(dtype, shape):
    both(lambda t: t.rand(shape, dtype=getattr(t, dtype)))
    both(lambda t: t.randn(shape, dtype=getattr(t, dtype)), _rounding(dtype))


@pytest.mark.parametrize("contiguous", [True, False])
def test_a_mean_is_added_to_both_parts_of_complex_numbers(contiguous):
    def filled(t):
        x = t.zeros(5, 7, dtype=t.complex128)
        return (x if contiguous else x[:, ::2]).normal_(3.0, 0.5), t.normal(1.0, 2.0, (3,), dtype=t.complex64)

    both(filled, 1e-6)


def test_half_precision():
    both(lambda t: t.rand(5000, dtype=t.float16))
    both(lambda t: t.randn(50, dtype=t.float16), 4e-3)


def test_a_pair_of_normal_numbers_is_shared_by_small_draws():
    both(
        lambda t: [t.randn(3), t.randn(2, dtype=t.float64), t.rand(2), t.randn(1), t.randn(20), t.randn(1)],
        1e-6,
    )


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors_are_filled_in_the_order_of_their_memory(dtype, order):
    def filled(t):
        new = ORDERS[order]
        number = getattr(t, dtype)
        return [
            new(t, number).uniform_(-0.3, 0.7),
            new(t, number).normal_(1, 0.2),
            new(t, number).random_(0, 10),
            new(t, number).random_(),
            new(t, number).cauchy_(1, 2).clamp(-50, 50),
            new(t, number).log_normal_(0, 0.5),
            new(t, number).geometric_(0.3),
            t.rand_like(new(t, number)),
            t.randn_like(new(t, number)),
            t.randint_like(new(t, number), 5),
            t.bernoulli(t.rand_like(new(t, number))),
            t.nn.functional.rrelu(-t.ones_like(new(t, number)), training=True),
        ]

    both(filled, 1e-4 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_trials_and_exponential_numbers(order):
    # PyTorch takes the MKL's numbers for these on processors by Intel: so the formula is compared
    new = ORDERS[order](ours, ours.float64)
    axes = np.argsort([-s for s in new.numpy().strides], kind="stable")
    count = new.numel()
    words = [int(w) for w in Numbers.of_seed(SEED).words(2 * count)]
    uniform = [((2**32 * first + second) % 2**53) / 2**53 for first, second in zip(words[::2], words[1::2])]

    def drawn(fill):
        ours.manual_seed(SEED)
        return fill(ORDERS[order](ours, ours.float64)).numpy().transpose(axes).ravel()

    np.testing.assert_array_equal(drawn(lambda x: x.bernoulli_(0.3)), [u < 0.3 for u in uniform])
    np.testing.assert_allclose(
        drawn(lambda x: x.exponential_(2.0)), [-math.log1p(-u) / 2 for u in uniform], rtol=1e-14
    )
    functions = ours.nn.functional
    kept = [u < 0.6 for u in uniform]
    np.testing.assert_array_equal(drawn(lambda x: functions.dropout(x.fill_(1), 0.4)) > 0, kept)
    np.testing.assert_array_equal(drawn(lambda x: functions.alpha_dropout(x.fill_(1), 0.4, True)) > 0, kept)


def test_gumbel_softmax_draws_in_the_order_of_the_dimensions():
    ours.manual_seed(SEED)
    noise = ours.empty(6, 8).exponential_()
    for logits in (ours.zeros(6, 8), ours.zeros(8, 6).T):
        ours.manual_seed(SEED)
        drawn = ours.nn.functional.gumbel_softmax(logits, dim=1)
        np.testing.assert_allclose(
            drawn.numpy(), (1 / noise / (1 / noise).sum(1, keepdim=True)).numpy(), 1e-5
        )


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "uint8", "int8", "bool"])
def test_integers_of_the_whole_range(dtype):
    both(lambda t: t.empty(30, dtype=getattr(t, dtype)).random_())


@pytest.mark.parametrize(
    "low, high", [(0, 10), (-5, 2**28 - 6), (0, 2**28), (-(2**62), 2**62), (0, 2**63 - 1)]
)
def test_integers_of_a_range(low, high):
    both(lambda t: t.randint(low, high, (20,)))


@pytest.mark.filterwarnings("ignore:.*out of bounds:UserWarning")  # PyTorch's, where it rounds
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "int8", "bool"])
def test_bounds_of_integers(dtype):
    def drawn(t):
        new = partial(t.zeros, 20, dtype=getattr(t, dtype))
        return [new().random_(1, None), new().random_(to=1), new().random_(**{"from": 0, "to": 2})]

    both(drawn)
    if "float" in dtype:  # of these bounds some are rounded outwards
        ends = [2049, 4098, 4101] if dtype == "float16" else [2**31, 2**61 + 1, 2**24 + 3]
        both(lambda t: [t.zeros(20, dtype=getattr(t, dtype)).random_(-end, end - 1) for end in ends])
        both(lambda t: [t.randint(end - 2, 2 * end, (9,), dtype=getattr(t, dtype)) for end in ends])


def test_wrong_bounds_of_integers():
    for wrong in ((1, 2, 3), (5, 5), (2**24 + 3, 2**24 + 4)):
        with pytest.raises((TypeError, ValueError), match="random_: expected"):
            ours.zeros(2).random_(*wrong)
    with pytest.raises(TypeError, match="random_: expected"):
        ours.zeros(2).random_(1, high=2)
    with pytest.raises(TypeError, match="random_: expected a real dtype"):
        ours.zeros(2, dtype=ours.complex64).random_(1, 2)


def test_permutations():
    both(lambda t: [t.randperm(n) for n in (0, 1, 2, 10, 3000)])


def test_normal_numbers_of_tensors():
    both(lambda t: [t.normal(t.arange(20.0), t.arange(20.0)), t.normal(0.5, 3.0, (20,))], 1e-5)
    both(
        lambda t: [t.normal(0.0, t.arange(1.0, 20)), t.normal(t.arange(5.0)), t.normal(t.zeros(4, 4).T)], 1e-5
    )


def test_indices_by_weights():
    weights = [[0.1, 0.2, 0.3, 0.4], [0.0, 0.9, 0.0, 0.2]]
    both(
        lambda t: [
            t.multinomial(t.tensor(weights, dtype=t.float64), 30, True),
            t.multinomial(t.arange(1.0, 2000) ** 0.5, 500, True),  # sums in single precision
            t.multinomial(t.ones(0, 5), 3),
            t.poisson(t.tensor([3.0, 40.0])),
        ]
    )


@pytest.mark.parametrize(
    "initial",
    ["uniform_", "normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"]
    + ["orthogonal_", "trunc_normal_"],
)
def test_initial_values(initial):
    both(lambda t: [getattr(t.nn.init, initial)(t.empty(*size)) for size in ((5, 6), (7, 4))], 2e-6)


def test_truncated_and_sparse_initial_values():
    both(lambda t: t.nn.init.trunc_normal_(t.empty(50, 6), 0, 1, 1.0, 2.0), 2e-6)
    both(lambda t: t.nn.init.sparse_(t.empty(9, 6), 0.3), 2e-6)


LAYERS = {
    "Linear": (5, 4),
    "Bilinear": (3, 4, 5),
    "Conv2d": (3, 4, 3),
    "ConvTranspose1d": (3, 4, 3),
    "Embedding": (10, 3),
    "EmbeddingBag": (10, 3),
    "LSTM": (3, 4, 2),
    "GRUCell": (3, 4),
    "MultiheadAttention": (8, 2),
    "TransformerEncoderLayer": (8, 2, 16),
    "TransformerDecoderLayer": (8, 2, 16),
    "AdaptiveLogSoftmaxWithLoss": (8, 20, [5, 10], 2.0),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_have_the_same_parameters(layer):
    both(lambda t: list(getattr(t.nn, layer)(*LAYERS[layer]).state_dict().values()), 1e-6)


def test_lazy_layers_and_parametrizations():
    def made(t):
        model = t.nn.Sequential(t.nn.LazyConv2d(4, 3), t.nn.Flatten(), t.nn.LazyLinear(5))
        model(t.ones(1, 2, 5, 5))
        model.append(t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(5, 4)))
        model.append(t.nn.utils.parametrizations.orthogonal(t.nn.Linear(5, 4)))
        return list(model.parameters())

    both(made, 2e-6)


@pytest.mark.parametrize("options", [{}, {"num_workers": 1}, {"num_workers": 1, "persistent_workers": True}])
def test_draws_of_a_pass(options):
    class Eager:
        """Its numbers are drawn when a pass begins."""

        def __init__(self, t):
            self.t = t

        def __iter__(self):
            return iter(self.t.randperm(5).tolist())

    def after(t):
        data = t.utils.data
        loaders = [
            data.DataLoader(data.TensorDataset(t.arange(5)), **options, **order)
            for order in ({"shuffle": True}, {"sampler": Eager(t), "batch_size": None})
        ]
        return [
            t.rand(1) if batch is None else batch[0]
            for loader in loaders
            for _ in range(3)
            for batch in [*loader, None]
        ]

    both(after)


def test_batches_have_the_same_order():
    def batches(t):
        data = t.utils.data
        samples = data.TensorDataset(t.arange(23))
        generator = t.Generator().manual_seed(3)
        drawn = []
        for options in (
            {"shuffle": True},
            {"shuffle": True, "generator": generator},
            {"sampler": data.RandomSampler(samples, True, 40)},
            {"sampler": data.WeightedRandomSampler(list(range(23)), 10)},
            {"sampler": data.SubsetRandomSampler([3, 1, 4, 15, 9])},
        ):
            loader = data.DataLoader(samples, 4, **options)
            drawn += [batch for _ in range(2) for (batch,) in loader]
        parts = data.random_split(samples, [10, 13])
        return [*drawn, *(t.tensor(list(part.indices)) for part in parts)]

    both(batches)


DISTRIBUTIONS = {
    "Normal": ([0.0, 1.0], [1.0, 2.0]),
    "Uniform": ([0.0, 1.0], [1.0, 2.0]),
    "Bernoulli": ([0.3, 0.7],),
    "Categorical": ([0.3, 0.2, 0.5],),
    "Laplace": ([0.0, 1.0], [1.0, 2.0]),
    "Gumbel": ([0.0, 1.0], [1.0, 2.0]),
    "Cauchy": ([0.0, 1.0], [1.0, 2.0]),
    "Geometric": ([0.3, 0.7],),
    "Gamma": ([0.5, 20.0], [1.0, 2.0]),
    "Beta": ([0.5, 2.0], [1.0, 2.0]),
    "Dirichlet": ([0.5, 2.0, 3.0],),
    "StudentT": ([3.0, 4.0],),
    "Poisson": ([3.0, 40.0],),
    "VonMises": ([0.5, 2.0], [1.0, 1e-6]),
    "MultivariateNormal": ([0.5, 2.0], [[2.0, 0.5], [0.5, 1.0]]),
    "RelaxedOneHotCategorical": (0.5, [0.3, 0.7]),
}


@pytest.mark.parametrize("concentration", [[1e-3, 1e-3, 1e-3], [0.01, 5.0], [1e-6, 1e-6]])
def test_shares_of_a_dirichlet_distribution_are_neither_0_nor_1(concentration):
    def samples(t):
        t.manual_seed(3)
        return t.distributions.Dirichlet(t.tensor(concentration)).sample((200,)).numpy()

    found = samples(ours)
    np.testing.assert_array_equal(found, samples(torch))
    assert found.min() > 0 and found.max() < 1


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions(name):
    def samples(t):
        parameters = [t.tensor(each, dtype=t.float64) for each in DISTRIBUTIONS[name]]
        return getattr(t.distributions, name)(*parameters).sample((40,))

    both(samples, 1e-7)


@pytest.mark.parametrize("count", [10, 1000])
def test_binomial_numbers(count):
    both(lambda t: t.distributions.Binomial(count, t.tensor([0.0, 0.02, 0.3, 0.8, 1.0])).sample((50,)))


@pytest.mark.parametrize("draw", [lambda t: t.rand(700), lambda t: t.randn(3), lambda t: t.rand(624)])
def test_states_are_exchanged(draw):
    torch.manual_seed(SEED)
    draw(torch)
    ours.set_rng_state(ours.from_numpy(torch.get_rng_state().numpy()))
    assert ours.initial_seed() == SEED
    expected = torch.randn(5).numpy()
    np.testing.assert_allclose(ours.randn(5).numpy(), expected, atol=1e-6)
    draw(ours)
    torch.set_rng_state(torch.from_numpy(ours.get_rng_state().numpy()))
    np.testing.assert_allclose(torch.randn(5).numpy(), ours.randn(5).numpy(), atol=1e-6)


@pytest.mark.parametrize("seed", [0, 2**33 + 7, -3, 2**64 - 1])
def test_seeds(seed):
    assert torch.rand(3, generator=torch.Generator().manual_seed(seed)).tolist() == (
        ours.rand(3, generator=ours.Generator().manual_seed(seed)).tolist()
    )
    assert (
        torch.Generator().manual_seed(seed).initial_seed()
        == ours.Generator().manual_seed(seed).initial_seed()
    )


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_numbers_within_vmap(randomness):
    def mapped(t):
        def noisy(x):
            return x + t.randn(3), x + t.rand(3), x + t.randint(5, (3,))

        return t.func.vmap(noisy, randomness=randomness)(t.zeros(4, 3))

    both(mapped, 1e-6)


@pytest.mark.parametrize("size", [(2, 3, 20), (1, 16, 33), (2, 16, 9, 9), (1, 3, 12, 12), (2, 3, 5, 6, 7)])
def test_results_of_convolutions_are_drawn_for_in_the_order_of_their_dimensions(size):
    """Whatever order the kernels choose for their memory."""
    d, channels = len(size) - 2, size[1]

    def drawn(t):
        F = t.nn.functional
        x = t.arange(math.prod(size), dtype=t.float64).cos().reshape(size)
        weight = t.arange(32 * channels * 3**d, dtype=t.float64).sin().reshape(32, channels, *(3,) * d)
        y = getattr(F, f"conv{d}d")(x, weight)
        pooled = getattr(F, f"max_pool{d}d")(F.relu(y), 2)
        up = getattr(F, f"conv_transpose{d}d")(x, weight.transpose(0, 1))
        results = [F.dropout(z, 0.4) for z in (y, pooled, up, F.batch_norm(y, None, None, training=True))]
        views = [F.dropout(z, 0.4) for z in (y.transpose(1, 2), y[:, 1:], y.flatten(2))]
        return [
            *results,
            *views,
            t.rand_like(pooled),
            t.randn_like(y),
            t.randn_like(y[:, 1:]),
            t.randint_like(y, 9),
        ]

    both(drawn, 1e-10)
