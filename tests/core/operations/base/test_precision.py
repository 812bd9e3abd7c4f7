"""float16 is computed in single precision and rounded once; float32 norms do not overflow on the way.

The right values are those of PyTorch in float64, from the same numbers.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch as reference

import cnn_physics77 as torch

N = 70_000  # more than float16 can count
EPS = 2.0**-10
SMALLEST = 2.0**-24

VALUES = {
    "ones": np.ones(N),
    "hundreds": np.random.default_rng(1).uniform(-300, 300, N),
    "tiny": np.random.default_rng(2).uniform(1e-5, 3e-5, N),
}


def two_classes(x):
    return x.reshape(-1, 1).expand(-1, 2) * 1.0


def classes(t):
    return t.zeros(N, dtype=t.int64)


CASES = {
    "addcmul": lambda t, x: t.addcmul(x, x, x, value=0.01)[:100],
    "addcdiv": lambda t, x: t.addcdiv(x, x, t.full_like(x, 0.001), value=0.001)[:100],
    "lerp": lambda t, x: t.lerp(x * 200, x * -200, 0.25)[:100],
    "hardswish": lambda t, x: t.nn.functional.hardswish(x * 200)[:100],
    "sum": lambda t, x: (x * 0.125).sum(),
    "mean": lambda t, x: x.mean(),
    "mean of rows": lambda t, x: x.reshape(2, -1).mean(1, keepdim=True),
    "nanmean": lambda t, x: x.nanmean(),
    "var": lambda t, x: x.var(),
    "std": lambda t, x: x.std(),
    "std_mean": lambda t, x: t.std_mean(x)[0],
    "norm": lambda t, x: x.norm(),
    "norm of rows": lambda t, x: x.reshape(-1, 4).norm(dim=1),
    "1-norm": lambda t, x: (x * 0.125).norm(1),
    "3-norm": lambda t, x: x.norm(3),
    "maximum norm": lambda t, x: x.norm(float("inf")),
    "logsumexp": lambda t, x: x.logsumexp(0),
    "softmax": lambda t, x: t.softmax(x[:1000], 0),
    "log_softmax": lambda t, x: t.log_softmax(x, 0).mean(),
    "cumsum": lambda t, x: x[:5000].cumsum(0),
    "max": lambda t, x: x.max(),
    "min": lambda t, x: x.min(),
    "amax": lambda t, x: x.amax(),
    "amin of rows": lambda t, x: x.reshape(2, -1).amin(1),
    "mse_loss": lambda t, x: t.nn.functional.mse_loss(x * 0.125, t.zeros_like(x)),
    "l1_loss": lambda t, x: t.nn.functional.l1_loss(x, t.zeros_like(x)),
    "smooth_l1_loss": lambda t, x: t.nn.functional.smooth_l1_loss(x, t.zeros_like(x)),
    "huber_loss": lambda t, x: t.nn.functional.huber_loss(x, t.zeros_like(x)),
    "bce": lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(x, t.ones_like(x)),
    "poisson_nll_loss": lambda t, x: t.nn.functional.poisson_nll_loss(x.clamp(-5, 5), t.ones_like(x)),
    "gaussian_nll_loss": lambda t, x: t.nn.functional.gaussian_nll_loss(
        x * 0.125, t.zeros_like(x), t.ones_like(x)
    ),
    "cross_entropy": lambda t, x: t.nn.functional.cross_entropy(two_classes(x), classes(t)),
    "cross_entropy of probabilities": lambda t, x: t.nn.functional.cross_entropy(
        two_classes(x), t.full((N, 2), 0.5, dtype=x.dtype)
    ),
    "nll_loss": lambda t, x: t.nn.functional.nll_loss(two_classes(x), classes(t)),
    "cosine_similarity": lambda t, x: t.nn.functional.cosine_similarity(x[None], x.flip(0)[None]),
    "pairwise_distance": lambda t, x: t.nn.functional.pairwise_distance(x[None], 2 * x[None], eps=0.0),
    "normalize": lambda t, x: t.nn.functional.normalize(x, dim=0),
    "dist": lambda t, x: t.dist(x, x * 0),
    "batch_norm": lambda t, x: t.nn.functional.batch_norm(x.reshape(-1, 2), None, None, training=True),
    "layer_norm": lambda t, x: t.nn.functional.layer_norm(x, (N,)),
    "group_norm": lambda t, x: t.nn.functional.group_norm(x.reshape(1, 4, -1), 2),
    "instance_norm": lambda t, x: t.nn.functional.instance_norm(x.reshape(1, 2, -1)),
    "rms_norm": lambda t, x: t.nn.functional.rms_norm(x, (N,), eps=2e-11),
    "avg_pool1d": lambda t, x: t.nn.functional.avg_pool1d(x[None], N),
    "adaptive_avg_pool2d": lambda t, x: t.nn.functional.adaptive_avg_pool2d(x.reshape(1, 1, 700, 100), 1),
    "broadcast bias": lambda t, x: t.ones(4096, 1, dtype=x.dtype) * x[:3],
    "gather": lambda t, x: x.gather(0, t.zeros(4096, dtype=t.int64)),
    "conv_transpose1d": lambda t, x: t.nn.functional.conv_transpose1d(
        x[None, None, :3000] * 0.01, t.ones(1, 1, 500, dtype=x.dtype) * 0.1
    ),
    "gelu": lambda t, x: t.nn.functional.gelu(x),
    "gelu tanh": lambda t, x: t.nn.functional.gelu(x, approximate="tanh"),
    "mish": lambda t, x: t.nn.functional.mish(x),
    "round": lambda t, x: x.round(decimals=2),
}


def seeds(shape: tuple[int, ...]) -> np.ndarray:
    """The gradients of the results: of one 1, of several from 1 to 2, each different from its neighbours."""
    return (np.arange(int(np.prod(shape))).reshape(shape) % 5 / 4) + 1


def value_and_gradient(t, function, values, dtype) -> list[np.ndarray]:
    x = t.tensor(values, dtype=dtype, requires_grad=True)
    y = function(t, x)
    (g,) = t.autograd.grad(y, x, t.tensor(seeds(tuple(y.shape)), dtype=dtype))
    return [y.detach().numpy(), g.numpy()]


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("case", CASES)
def test_float16_is_rounded_once(case, values):
    numbers = VALUES[values].astype(np.float16)
    found = value_and_gradient(torch, CASES[case], numbers, torch.float16)
    exact = value_and_gradient(reference, CASES[case], numbers.astype(np.float64), reference.float64)
    for a, e in zip(found, exact):
        assert a.dtype == np.float16
        with np.errstate(over="ignore"):
            e = e.astype(np.float16).astype(np.float64)  # infinite where float16 is
        largest = np.abs(e[np.isfinite(e)]).max(initial=0.0)
        np.testing.assert_allclose(a.astype(np.float64), e, rtol=4 * EPS, atol=EPS * largest + 2 * SMALLEST)


FEW = [[300.0, -200.0, 250.0, 100.0], [120.0, 310.0, -280.0, 90.0]]

SECOND = {
    "layer_norm": lambda t, x: t.nn.functional.layer_norm(x, (4,)),
    "group_norm": lambda t, x: t.nn.functional.group_norm(x, 2),
    "batch_norm": lambda t, x: t.nn.functional.batch_norm(x.T, None, None, training=True),
    "rms_norm": lambda t, x: t.nn.functional.rms_norm(x, (4,)),
    "normalize": lambda t, x: t.nn.functional.normalize(x),
    "norm": lambda t, x: x.norm(dim=1),
    "std": lambda t, x: x.std(1),
    "cosine_similarity": lambda t, x: t.nn.functional.cosine_similarity(x[:1], x[1:]),
}


@pytest.mark.parametrize("case", SECOND)
def test_second_derivatives_in_float16(case):
    results = []
    for t, dtype in ((torch, torch.float16), (reference, reference.float64)):
        x = t.tensor(FEW, dtype=dtype, requires_grad=True)
        y = SECOND[case](t, x)
        (g,) = t.autograd.grad(y, x, t.tensor(seeds(tuple(y.shape)), dtype=dtype), create_graph=True)
        (h,) = t.autograd.grad(g, x, t.tensor(256 * seeds(tuple(x.shape)), dtype=dtype))
        results.append([z.detach().numpy().astype(np.float64) for z in (y, g, h)])
    for a, e in zip(*results):
        np.testing.assert_allclose(a, e, rtol=0, atol=8 * EPS * np.abs(e).max() + 8 * SMALLEST)


def test_running_statistics_in_float16():
    x = torch.tensor([[100.0], [140.0], [120.0]], dtype=torch.float16)
    mean, var = torch.zeros(1, dtype=torch.float16), torch.ones(1, dtype=torch.float16)
    torch.nn.functional.batch_norm(x, mean, var, training=True, momentum=0.5)
    assert (mean.item(), var.item()) == (60.0, 200.5)  # (0 + 120) / 2 and (1 + 400) / 2


def test_the_norm_of_all_gradients_in_float16():
    p = torch.nn.Parameter(torch.zeros(N, dtype=torch.float16))
    p.grad = torch.full((N,), 200.0, dtype=torch.float16)
    norm = torch.nn.utils.clip_grad_norm_([p], 1.0)
    assert norm.dtype == torch.float16
    assert norm.item() == np.float16(200 * N**0.5)


@pytest.mark.parametrize("scale", [1e25, 1e-25])
def test_norms_of_float32_whose_squares_leave_the_range(scale):
    x = np.array([[3.0, -4.0], [0.0, 1.0]], np.float32) * np.float32(scale)
    functions = {
        "norm": lambda t, x: x.norm(dim=1),
        "3-norm": lambda t, x: x.norm(3, dim=1),
        "half-norm": lambda t, x: x.norm(0.5, dim=1),
        "std": lambda t, x: x.std(1),
        "normalize": lambda t, x: t.nn.functional.normalize(x, eps=0.0),
        "pairwise": lambda t, x: t.nn.functional.pairwise_distance(x[:1], x[1:], eps=0.0),
        "total norm": lambda t, x: t.nn.utils.get_total_norm([x]),
    }
    for name, function in functions.items():
        found = function(torch, torch.tensor(x)).numpy()
        exact = function(reference, reference.tensor(x.astype(np.float64))).numpy()
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, exact, rtol=1e-6, err_msg=name)
    for name in ("norm", "std"):
        gradients = [
            value_and_gradient(t, functions[name], v, d)[1]
            for t, v, d in ((torch, x, torch.float32), (reference, x.astype(float), reference.float64))
        ]
        np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-6, atol=1e-7, err_msg=name)


def test_a_factor_brings_products_of_float32_back_into_the_range():
    x = torch.tensor([1e30, -1e30], requires_grad=True)
    y = torch.addcmul(torch.ones(2), x, torch.full((2,), 1e30), value=1e-30)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    np.testing.assert_allclose(y.detach().numpy(), [1e30, -1e30], rtol=1e-6)
    np.testing.assert_allclose(gradient.numpy(), [1, 1], rtol=1e-6)


def test_running_sums_and_products_come_back_into_the_range():
    big = torch.tensor([3e38, 3e38, -3e38])
    assert big.cumsum(0)[2] == big[0]
    np.testing.assert_allclose(
        torch.tensor([1e30, 1e30, 1e-30, 1e-30]).cumprod(0)[2:].numpy(), [1e30, 1.0], rtol=1e-6
    )


def test_float16_among_wider_dtypes_is_promoted_as_ever():
    half, single = torch.full((4,), 300.0, dtype=torch.float16), torch.zeros(4)
    assert torch.nn.functional.mse_loss(half, single).dtype == torch.float32
    assert half.mean(dtype=torch.float32).dtype == torch.float32
    assert half.nanmean(dtype=torch.float32).dtype == torch.float32
    assert torch.softmax(half, 0, dtype=torch.float32).dtype == torch.float32
    assert half.norm(dtype=torch.float32) == 600


@pytest.mark.parametrize(
    "name",
    [
        *("elu", "selu", "celu", "leaky_relu", "hardsigmoid"),
        *("sigmoid", "logsigmoid", "softplus", "silu", "softsign", "mish"),
    ],
)
def test_activations_are_rounded_once(name):
    """Also where an exponential leaves the range of float16, as exp(12) does. The errors of float32 are a few
    of its own last digits, 2**-13 of one of float16."""
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    x = x[np.abs(x) < 30]
    found = getattr(torch.nn.functional, name)(torch.tensor(x)).numpy()
    expected = getattr(reference.nn.functional, name)(reference.tensor(x.astype(np.float64))).numpy()
    error = np.abs(found - expected) / np.spacing(np.abs(found))
    assert error.max() <= 0.5 + 2**-10
