"""Normalization: running statistics, and what PyTorch's second derivatives cannot take."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import cnn_physics77 as our
import cnn_physics77.nn.functional as F


@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
@pytest.mark.parametrize("momentum", [0.1, 0.7])
def test_running_statistics(name, momentum):
    rng = np.random.default_rng(0)
    ours, theirs = ([f(np.zeros(3)), f(np.ones(3))] for f in (our.tensor, torch.tensor))
    for _ in range(3):
        x = rng.normal(1, 2, size=(4, 3, 5))
        keywords = {"momentum": momentum} | ({"training": True} if name == "batch_norm" else {})
        y = getattr(F, name)(our.tensor(x), *ours, **keywords)
        expected = getattr(TF, name)(torch.tensor(x), *theirs, **keywords)
        np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=1e-10, atol=1e-12)
        for found, statistic in zip(ours, theirs):
            np.testing.assert_allclose(found.numpy(), statistic.numpy(), rtol=1e-12)
    assert ours[0]._version == 3


def test_statistics_stay_in_evaluation():
    mean, var = our.ones(3), our.ones(3)
    F.batch_norm(our.randn(4, 3), mean, var)
    np.testing.assert_array_equal(mean.numpy(), 1)
    assert mean._version == var._version == 0


def test_layer_norm_with_a_bias_alone():
    x, b = np.random.default_rng(0).normal(size=(4, 3)), np.array([1.0, 2.0, 3.0])
    ours, theirs = ([f(a, requires_grad=True) for a in (x, b)] for f in (our.tensor, torch.tensor))
    y, expected = F.layer_norm(ours[0], (3,), bias=ours[1]), TF.layer_norm(theirs[0], (3,), bias=theirs[1])
    (y * y).sum().backward()
    (expected * expected).sum().backward()
    for a, b in zip((y, ours[0].grad, ours[1].grad), (expected, theirs[0].grad, theirs[1].grad)):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-12)


def gradients_of_one_gradient(T, F, name, which):
    """The derivatives of the gradient of x, w or b alone with respect to g, x, w and b, where w has an
    infinity; None where there is none."""
    rng = np.random.default_rng(0)
    w = np.array([1.0, np.inf, -2.0])
    arrays = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3, 3)), w, rng.normal(size=3)
    g, x, w, b = inputs = [T.tensor(a, requires_grad=True) for a in arrays]
    y = {
        "layer_norm": lambda: F.layer_norm(x, (3,), w, b),
        "group_norm": lambda: F.group_norm(x, 3, w, b),
        "instance_norm": lambda: F.instance_norm(x, None, None, w, b),
        "batch_norm": lambda: F.batch_norm(x, None, None, w, b, True),
    }[name]()
    gradient = T.autograd.grad(y, inputs[1:], g, create_graph=True)[which]
    v = T.tensor(rng.normal(size=gradient.shape))
    return T.autograd.grad(gradient, inputs, v, allow_unused=True)


@pytest.mark.parametrize("name", ["layer_norm", "group_norm", "instance_norm", "batch_norm"])
@pytest.mark.parametrize("which", range(3))
def test_derivatives_of_one_gradient_alone(name, which):
    ours = gradients_of_one_gradient(our, F, name, which)
    for found, expected in zip(ours, gradients_of_one_gradient(torch, TF, name, which)):
        assert (found is None) == (expected is None)
        if found is not None:  # what is not finite is NaN or infinite as the order of the factors has it
            finite = expected.isfinite().numpy()
            np.testing.assert_allclose(found.numpy()[finite], expected.numpy()[finite], rtol=1e-9, atol=1e-12)


def test_channels_last_memory_stays():
    x = our.from_numpy(np.random.default_rng(0).normal(size=(2, 4, 5, 3)).transpose(0, 3, 1, 2))
    assert F.batch_norm(x, None, None, training=True).stride() == x.stride()
