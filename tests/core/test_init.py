"""Initial values against torch.nn.init: exact ones equal, random ones of the same distribution."""

import numpy as np
import pytest
import torch
from scipy import stats

import cnn_physics77 as ours
from cnn_physics77.core import init

WEIGHTS = [(300, 200), (64, 32, 3, 3), (200, 40, 5)]


@pytest.mark.parametrize("shape", WEIGHTS)
def test_fans_have_the_name_that_layers_of_others_ask_for(shape):
    mine, theirs = ours.empty(*shape), torch.empty(*shape)
    fans = [i._calculate_fan_in_and_fan_out(x) for i, x in ((ours.nn.init, mine), (torch.nn.init, theirs))]
    assert fans[0] == fans[1]
    for mode in ("fan_in", "FAN_OUT"):
        expected = torch.nn.init._calculate_correct_fan(theirs, mode)
        assert ours.nn.init._calculate_correct_fan(mine, mode) == expected
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        ours.nn.init._calculate_fan_in_and_fan_out(ours.empty(3))


@pytest.mark.parametrize("shape", WEIGHTS)
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("uniform_", {"a": -2.0, "b": 3.0}),
        ("normal_", {"mean": 1.0, "std": 0.3}),
        ("trunc_normal_", {"std": 0.7, "a": -1.0, "b": 0.5}),
        ("trunc_normal_", {"mean": 1.5, "std": 0.5, "a": -1.0, "b": 1.0}),
        ("xavier_uniform_", {"gain": 2.0}),
        ("xavier_normal_", {}),
        ("kaiming_uniform_", {}),
        ("kaiming_uniform_", {"a": 0.3, "mode": "fan_out"}),
        ("kaiming_normal_", {"nonlinearity": "relu"}),
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "tanh"}),
    ],
)
def test_distributions(name, settings, shape):
    ours.manual_seed(1)
    torch.manual_seed(1)
    mine = ours.empty(*shape, dtype=ours.float64)
    version = mine._version
    assert getattr(ours.nn.init, name)(mine, **settings) is mine
    assert mine._version == version + 1
    theirs = getattr(torch.nn.init, name)(torch.empty(*shape, dtype=torch.float64), **settings).numpy()
    levels = np.linspace(0.05, 0.95, 19)
    spread = theirs.std()
    found, wanted = np.quantile(mine.array, levels), np.quantile(theirs, levels)
    np.testing.assert_allclose(found, wanted, atol=0.06 * spread)
    np.testing.assert_allclose(found.mean(), wanted.mean(), atol=0.02 * spread)
    np.testing.assert_allclose(mine.array.std(), spread, rtol=0.02)
    if "uniform" in name:
        np.testing.assert_allclose(mine.array.min(), theirs.min(), atol=0.01 * spread)
        np.testing.assert_allclose(mine.array.max(), theirs.max(), atol=0.01 * spread)


@pytest.mark.parametrize(
    "bounds", [(-2.0, 2.0), (-0.1, 0.1), (3.0, 9.0), (-1e9, -4.0), (6.0, 6.01), (-50.0, 0.5)]
)
def test_truncated_normal_has_the_exact_distribution(bounds):
    """Against the distribution function, also far out in the tails."""
    x = init.trunc_normal_(ours.empty(4000, dtype=ours.float64), 0.0, 1.0, *bounds).numpy()
    assert x.min() >= bounds[0]
    assert x.max() <= bounds[1]
    assert stats.kstest(x, stats.truncnorm(*bounds).cdf).pvalue > 1e-4


@pytest.mark.parametrize(
    ("name", "settings", "shape"),
    [
        ("constant_", {"val": 2.5}, (3, 4)),
        ("ones_", {}, (3,)),
        ("zeros_", {}, ()),
        ("eye_", {}, (3, 5)),
        ("dirac_", {}, (4, 3, 3)),
        ("dirac_", {"groups": 2}, (4, 3, 2, 5)),
        ("dirac_", {}, (2, 3, 1, 2, 3)),
    ],
)
def test_exact_values(name, settings, shape):
    mine = getattr(ours.nn.init, name)(ours.full(shape, 7.0), **settings)
    theirs = getattr(torch.nn.init, name)(torch.full(shape, 7.0), **settings)
    np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3)])
def test_orthogonal(shape):
    q = init.orthogonal_(ours.empty(*shape, dtype=ours.float64), gain=2.0).numpy().reshape(shape[0], -1)
    small = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_orthogonal_is_uniform():
    """The first element is as often positive as negative; that of QR's own q never changes its sign."""
    signs = [init.orthogonal_(ours.empty(2, 2)).array[0, 0] > 0 for _ in range(400)]
    assert abs(np.mean(signs) - 0.5) < 0.1


def test_sparse():
    x = init.sparse_(ours.empty(50, 200), sparsity=0.11, std=0.5).numpy()
    assert ((x == 0).sum(axis=0) == 6).all()  # a tenth of fifty, rounded up
    assert abs(x[x != 0].std() - 0.5) < 0.03


@pytest.mark.parametrize(
    "nonlinearity", ["linear", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "selu"]
)
def test_gains(nonlinearity):
    assert init.calculate_gain(nonlinearity) == pytest.approx(torch.nn.init.calculate_gain(nonlinearity))


def test_gain_of_leaky_relu():
    for slope in (None, 0, 0.2, -1):
        assert init.calculate_gain("leaky_relu", slope) == torch.nn.init.calculate_gain("leaky_relu", slope)


def test_generators_decide():
    def draw(seed):
        return init.normal_(ours.empty(5), generator=ours.Generator().manual_seed(seed)).tolist()

    assert draw(3) == draw(3) != draw(4)
    ours.manual_seed(3)
    assert init.normal_(ours.empty(5)).tolist() == draw(3)


def test_values_of_variables_may_be_set():
    p = ours.nn.Parameter(ours.empty(2, 2))
    init.ones_(p)
    assert p.is_leaf
    assert p.tolist() == [[1, 1], [1, 1]]
    strided = ours.zeros(4, 4)
    init.ones_(strided[::2, 1])
    assert strided.sum().item() == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda i, f: i.eye_(f.empty(3)),
        lambda i, f: i.dirac_(f.empty(3, 3)),
        lambda i, f: i.dirac_(f.empty(3, 3, 3), groups=2),
        lambda i, f: i.xavier_uniform_(f.empty(3)),
        lambda i, f: i.kaiming_normal_(f.empty(3)),
        lambda i, f: i.kaiming_uniform_(f.empty(3, 3), mode="fan"),
        lambda i, f: i.kaiming_uniform_(f.empty(3, 3), nonlinearity="unknown"),
        lambda i, f: i.calculate_gain("leaky_relu", "text"),
        lambda i, f: i.orthogonal_(f.empty(3)),
        lambda i, f: i.sparse_(f.empty(3), 0.1),
    ],
)
def test_errors_are_pytorchs(call):
    for framework in (ours, torch):
        with pytest.raises(ValueError):
            call(framework.nn.init, framework)


def test_bounds_in_the_wrong_order():
    with pytest.raises(ValueError, match="a < b"):
        init.trunc_normal_(ours.empty(3), a=1.0, b=1.0)


def test_nothing_to_initialize():
    for framework in (ours, torch):
        with pytest.warns(UserWarning, match="no-op"):
            framework.nn.init.kaiming_uniform_(framework.empty(0, 3))
    assert init.orthogonal_(ours.empty(0, 3)).shape == (0, 3)


def test_former_names_warn():
    for name in ("uniform", "xavier_normal", "orthogonal"):
        with pytest.warns(
            FutureWarning, match=f"nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`"
        ):
            x = getattr(ours.nn.init, name)(ours.zeros(2, 2))
        assert x.abs().sum() > 0
    x.grad = ours.ones(2, 2)
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        assert ours.nn.utils.clip_grad_norm([x], 1.0) == 2
