"""The activations' kernels against PyTorch and SciPy, in every memory order and at the edges."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import special

from cnn_physics77.core.kernels import activation
from cnn_physics77.core.kernels.special import normal

EDGES = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, -1e-310, 1.0, -1.0, 20.0, -20.0, 700.0, -700.0, 89.0, -104.0]
)


def layouts(x):
    """The same values, read-only: contiguous, channels-last, with holes, reversed, broadcast."""
    yield x
    yield np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    yield wide[..., ::2]
    yield np.ascontiguousarray(x[::-1, ..., ::-1])[::-1, ..., ::-1]
    yield np.broadcast_to(x[:1], x.shape)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (20, 16, 26, 26), (0, 2, 3, 1)])
def test_relu_and_its_gradient_agree_with_torch(shape, dtype):
    rng = np.random.default_rng(0)
    values, g = ((3 * rng.standard_normal(shape)).astype(dtype) for _ in range(2))
    if values.size:
        values.flat[: len(EDGES)] = EDGES.astype(dtype)
        g.flat[:4] = np.inf, np.nan, -np.inf, np.inf
    for x in layouts(values):
        x.setflags(write=False)
        t = torch.tensor(x.copy(), requires_grad=True)
        expected = torch.relu(t)
        y = activation.relu(x)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, expected.detach().numpy())
        for gradient in layouts(g):
            t.grad = None
            expected.backward(torch.tensor(gradient.copy()), retain_graph=True)
            np.testing.assert_array_equal(activation.relu_gradient(gradient, y), t.grad.numpy())


def test_scalars():
    assert activation.relu(np.array(-2.0)) == 0
    assert activation.relu(np.array(2.0)).shape == ()


def check(ours, theirs, x, tolerance):
    t = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    expected = theirs(t)
    for layout in layouts(x):
        if np.array_equal(layout, x, equal_nan=True):
            y = ours(layout)
            assert y.dtype == x.dtype
            np.testing.assert_allclose(y, expected.detach().numpy(), **tolerance)
    g = np.random.default_rng(1).standard_normal(x.shape).astype(x.dtype)
    expected.backward(torch.tensor(g, dtype=torch.float64))
    return g, t.grad.numpy()


TOLERANCE = {np.float32: {"rtol": 3e-6, "atol": 1e-6}, np.float64: {"rtol": 2e-14, "atol": 3e-14}}
CASES = {
    "sigmoid": (activation.sigmoid, torch.sigmoid, None),
    "silu": (activation.silu, F.silu, activation.silu_gradient),
    "softplus": (activation.softplus, F.softplus, activation.softplus_gradient),
    "softplus scaled": (
        lambda x: activation.softplus(x, 2.5, 3.0),
        lambda x: F.softplus(x, 2.5, 3.0),
        lambda g, x: activation.softplus_gradient(g, x, 2.5, 3.0),
    ),
    "log_sigmoid": (activation.log_sigmoid, F.logsigmoid, lambda g, x: g * activation.sigmoid(-x)),
    "gelu": (activation.gelu, F.gelu, activation.gelu_gradient),
    "gelu tanh": (
        lambda x: activation.gelu(x, "tanh"),
        lambda x: F.gelu(x, approximate="tanh"),
        lambda g, x: activation.gelu_gradient(g, x, "tanh"),
    ),
    "erf": (activation.erf, torch.erf, None),
    "erfc": (activation.erfc, torch.erfc, None),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_activations_and_their_gradients_agree_with_torch(name, dtype):
    ours, theirs, gradient = CASES[name]
    for shape, scale in (((3, 4, 5, 6), 1), ((20, 16, 26, 13), 3), ((2, 3, 4, 50), 30), ((0, 2, 3, 1), 1)):
        x = (scale * np.random.default_rng(0).standard_normal(shape)).astype(dtype)
        x.setflags(write=False)
        g, expected = check(ours, theirs, x, TOLERANCE[dtype])
        if gradient is not None:
            np.testing.assert_allclose(gradient(g, x), expected, **TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_activations_and_their_gradients_at_finite_edges(name, dtype):
    ours, theirs, gradient = CASES[name]
    with np.errstate(under="ignore"):
        x = EDGES[np.isfinite(EDGES)].astype(dtype).reshape(1, 1, 1, -1)
    t = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    y = theirs(t)
    rtol = 1e-6 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(ours(x), y.detach().numpy(), rtol=rtol, atol=1e-37)
    if gradient is not None:
        y.backward(torch.ones_like(y))
        np.testing.assert_allclose(gradient(np.ones_like(x), x), t.grad.numpy(), rtol=rtol, atol=1e-7)


# The limits at inf and -inf, but NaN where the formula is a product -inf * 0, as in x * sigmoid(x). They are
# stated here, because PyTorch's in float32 depend on the processor: with AVX-512 its gelu(inf) is NaN.
AT_INFINITY = {
    "sigmoid": (1, 0),
    "silu": (np.inf, np.nan),
    "softplus": (np.inf, 0),
    "softplus scaled": (np.inf, 0),
    "log_sigmoid": (0, -np.inf),
    "gelu": (np.inf, np.nan),
    "gelu tanh": (np.inf, np.nan),
    "erf": (1, -1),
    "erfc": (0, 2),
}
# of those that are no product
DERIVATIVES_AT_INFINITY = {"softplus": (1, 0), "softplus scaled": (1, 0), "log_sigmoid": (0, 1)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", [1, 50])  # less than a vector of the processor, and more
@pytest.mark.parametrize("name", CASES)
def test_activations_at_infinity_and_nan(name, length, dtype):
    x = np.repeat([np.inf, -np.inf, np.nan], length).astype(dtype)
    expected = np.repeat([*AT_INFINITY[name], np.nan], length).astype(dtype)
    np.testing.assert_array_equal(CASES[name][0](x), expected)
    if name in DERIVATIVES_AT_INFINITY:
        expected = np.repeat([*DERIVATIVES_AT_INFINITY[name], np.nan], length).astype(dtype)
        np.testing.assert_array_equal(CASES[name][2](np.ones_like(x), x), expected)


@pytest.mark.parametrize(("dtype", "ulps"), [(np.float32, 2.5), (np.float64, 4.5)])
def test_erf_to_the_last_digits(dtype, ulps):
    x = np.concatenate([np.linspace(-6, 6, 200_001), np.geomspace(1e-30, 1, 1000)]).astype(dtype)
    exact = special.erf(x.astype(np.float64))
    error = np.abs(activation.erf(x) - exact) / np.spacing(np.abs(exact).astype(dtype))
    assert error.max() <= ulps
    assert np.abs(activation.erf(x)).max() == 1


def test_erfc_keeps_its_relative_precision():
    x = np.linspace(-6, 26.5, 100_001)
    exact = [math.erfc(v) for v in x.tolist()]  # SciPy loses digits in the tail, where it rounds x^2
    np.testing.assert_allclose(activation.erfc(x), exact, rtol=2e-15)


@pytest.mark.parametrize(
    ("function", "reference", "scale"),
    [(activation.erfc, special.erfc, 1), (normal.ndtr, special.ndtr, -math.sqrt(2))],
)
def test_tails_in_single_precision_are_rounded_once(function, reference, scale):
    """Down to the least number, from double precision with an error of 4e-10."""
    x = (np.linspace(-6, 10.5, 100_001) * scale).astype(np.float32)
    exact = reference(x.astype(np.float64))
    error = np.abs(function(x) - exact) / np.spacing(exact.astype(np.float32))
    assert error.max() <= 0.51


@pytest.mark.parametrize("function", [activation.erf, activation.erfc])
def test_half_precision(function):
    x = np.linspace(-3, 3, 100).astype(np.float16)
    y = function(x)
    assert y.dtype == np.float16
    np.testing.assert_allclose(
        y, getattr(special, function.__name__)(x.astype(np.float64)), rtol=1e-3, atol=6e-8
    )


def test_gradient_of_gelu_in_single_precision():
    """Its error is at most 3e-7, the rounding of a few sums of numbers up to 1; PyTorch's is similar."""
    x = np.concatenate([np.linspace(-9, 9, 200_001), np.geomspace(1e-30, 1, 1000)]).astype(np.float32)
    exact = activation.gelu_gradient(np.ones(x.shape), x.astype(np.float64))
    found = activation.gelu_gradient(np.ones_like(x), x)
    np.testing.assert_allclose(found, exact, rtol=0, atol=3e-7)
    assert np.abs(found[:2000] - exact[:2000]).max() < 1e-12  # far below 0, where it vanishes


def test_relu_of_all_numbers_of_half_precision():
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    expected = torch.relu(torch.tensor(x)).numpy()
    for found in (activation.relu(x), activation.relu(x.copy(), in_place=True)):
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[expected == 0]))
