"""Rectifiers: what the table of operations cannot say: kinks, NaN, changes in place, memory kept."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import cnn_physics77 as our
import cnn_physics77.nn.functional as F
from cnn_physics77.core.errors import GradientError

IN_PLACE = {
    "relu": (),
    "relu6": (),
    "leaky_relu": (0.1,),
    "elu": (0.5,),
    "selu": (),
    "celu": (0.5,),
    "hardtanh": (),
    "hardsigmoid": (),
    "hardswish": (),
    "threshold": (0.1, 7.0),
    "silu": (),
    "mish": (),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_is_the_same_as_out_of_place(name):
    x = np.random.default_rng(0).normal(size=(3, 4))

    def value_and_gradient(inplace):
        leaf = our.tensor(x, requires_grad=True)
        middle = leaf * 2
        y = getattr(F, name)(middle, *IN_PLACE[name], inplace=inplace)
        assert (y is middle) == inplace
        (g,) = our.autograd.grad((middle * middle if inplace else y * y).sum(), leaf)
        return middle.detach().numpy() if inplace else y.detach().numpy(), g.numpy()

    for found, expected in zip(value_and_gradient(True), value_and_gradient(False)):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_in_place_on_a_variable_is_refused():
    with pytest.raises(GradientError, match="in-place"):
        F.relu(our.ones(2, requires_grad=True), inplace=True)


def test_relu_of_nan_is_nan_and_passes_the_gradient_on():
    x = our.tensor([np.nan, -1.0, np.inf], requires_grad=True)
    y = F.relu(x)
    y.backward(our.ones(3))
    np.testing.assert_array_equal(y.detach().numpy(), [np.nan, 0, np.inf])
    expected = torch.tensor([np.nan, -1.0, np.inf], requires_grad=True)
    TF.relu(expected).backward(torch.ones(3))
    np.testing.assert_array_equal(x.grad.numpy(), expected.grad.numpy())


@pytest.mark.parametrize(
    "name",
    [
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "hardtanh",
        "hardswish",
        "softshrink",
        "hardshrink",
        "silu",
        "mish",
        "softplus",
    ],
)
def test_nan_and_infinities_as_in_torch(name):
    values = np.array([np.nan, np.inf, -np.inf])
    x, expected = our.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    y, y_expected = getattr(F, name)(x), getattr(TF, name)(expected)
    np.testing.assert_array_equal(y.detach().numpy(), y_expected.detach().numpy())
    y.backward(our.ones_like(y))
    y_expected.backward(torch.ones_like(y_expected))
    np.testing.assert_allclose(x.grad.numpy(), expected.grad.numpy())


def test_prelu_at_zero_has_the_slope_as_derivative():
    x, w = our.zeros(3, requires_grad=True), our.tensor([0.25], requires_grad=True)
    F.prelu(x, w).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.25] * 3)
    np.testing.assert_array_equal(w.grad.numpy(), [0.0])


def test_relu_keeps_its_output_and_not_its_input():
    x = our.randn(4, requires_grad=True) * 2
    y = F.relu(x)
    (kept,) = [t for t in y.grad_fn.saved if t is not None]
    assert kept.array is y.array


def test_channels_last_memory_stays():
    x = our.from_numpy(np.random.default_rng(0).normal(size=(2, 4, 5, 3)).transpose(0, 3, 1, 2))
    for name in ("relu", "silu", "gelu"):
        assert getattr(F, name)(x).stride() == x.stride(), name


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("count", [1, 64, 8192])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("relu", ()),
        ("relu6", ()),
        ("leaky_relu", (0.1,)),
        ("leaky_relu", (0.0,)),
        ("leaky_relu", (-0.0,)),
        ("leaky_relu", (-0.5,)),
        ("elu", ()),
        ("elu", (0.0,)),
        ("elu", (-1.0,)),
        ("selu", ()),
        ("celu", (2.0,)),
        ("celu", (-1.0,)),
        ("hardtanh", ()),
        ("hardtanh", (0.0, 1.0)),
        ("hardtanh", (-0.0, 1.0)),
        ("hardtanh", (-1.0, 0.0)),
        ("hardtanh", (-0.0, 0.0)),
        ("hardswish", ()),
        ("hardshrink", ()),
        ("threshold", (-0.0, 0.0)),
        ("tanhshrink", ()),
        ("silu", ()),
    ],
)
def test_signs_of_zeros_as_in_torch(name, arguments, count, dtype):
    for value in (-0.0, 0.0, -1.0):
        x = np.full(count, value, dtype)
        found = getattr(F, name)(our.tensor(x), *arguments).numpy()
        expected = getattr(TF, name)(torch.tensor(x), *arguments).numpy()
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected), err_msg=str(value))


@pytest.mark.parametrize("count", [1, 8192])
def test_softshrink_between_its_bounds_is_the_positive_zero(count):
    """PyTorch has the 0 of its formula, but x * 0 for the last elements, which do not fill a vector."""
    x = our.tensor(np.full(count, -0.0))
    for lambd in (0.0, 0.5):
        assert not np.signbit(F.softshrink(x, lambd).numpy()).any()
        assert not np.signbit(F.softshrink(x - lambd, lambd).numpy()).any()


@pytest.mark.parametrize("count", [5, 8192])
@pytest.mark.parametrize(
    ("name", "arguments"), [("elu", (1.5,)), ("elu", (-0.5,)), ("selu", ()), ("celu", (2.0,))]
)
def test_derivatives_of_elu(name, arguments, count):
    """Also far above 0, where the exponential would overflow, and at 0."""
    values = np.resize([-1.5, 0.0, 800.0, -np.inf, 0.5], count)
    rng = np.random.default_rng(0)
    weights, seconds = rng.normal(size=count), rng.normal(size=count)

    def derivatives(library, functional):
        x = library.tensor(values, requires_grad=True)
        g = library.tensor(weights, requires_grad=True)
        (first,) = library.autograd.grad(getattr(functional, name)(x, *arguments), x, g, create_graph=True)
        return first, *library.autograd.grad(first, (x, g), library.tensor(seconds))

    for found, expected in zip(derivatives(our, F), derivatives(torch, TF)):
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-14)


@pytest.mark.parametrize("count", [2, 8192])
@pytest.mark.parametrize(("name", "alpha"), [("elu", np.inf), ("celu", 1e-310)])
def test_elu_whose_factors_are_infinite(name, alpha, count):
    x = np.resize([-1.0, 2.0], count)
    found = getattr(F, name)(our.tensor(x), alpha).numpy()
    np.testing.assert_array_equal(found, getattr(TF, name)(torch.tensor(x), alpha).numpy())
