"""Derivatives of whole networks, to the fourth order: every family together, against PyTorch in float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import cnn_physics77 as our
import cnn_physics77.nn.functional as F


class PlainNorms:
    """torch.nn.functional with plain norms: PyTorch's own take mean and variance for constants from the
    second derivative on, so that their third one is wrong."""

    def __getattr__(self, name):
        return getattr(TF, name)

    @staticmethod
    def batch_norm(x, mean, var, training):
        return PlainNorms.standardized(x, (0, 2, 3))

    @staticmethod
    def layer_norm(x, shape):
        return PlainNorms.standardized(x, -1)

    @staticmethod
    def standardized(x, dims):
        centred = x - x.mean(dims, keepdim=True)
        return centred / (centred.square().mean(dims, keepdim=True) + 1e-5).sqrt()


def specification(f, x, t, weights):
    conv, w1, b1, w2, b2 = weights
    h = f.max_pool2d(f.relu(f.conv2d(x, conv, padding=1)), 3, 2)
    h = f.relu(f.linear(h.flatten(1), w1, b1))
    return f.cross_entropy(f.linear(h, w2, b2), t)


def smooth(f, x, t, weights):
    conv, w1, b1, w2, b2 = weights
    h = f.max_pool2d(f.gelu(f.conv2d(x, conv, padding=1)), 3, 2)
    h = f.batch_norm(h, None, None, training=True)
    h = f.silu(f.layer_norm(f.linear(h.flatten(1), w1, b1), (6,)))
    return f.cross_entropy(f.linear(h, w2, b2), t, label_smoothing=0.1)


def arrays():
    rng = np.random.default_rng(5)
    shapes = [(2, 1, 3, 3), (6, 18), (6,), (3, 6), (3,)]
    return rng.normal(size=(4, 1, 7, 7)), rng.integers(0, 3, 4), [rng.normal(size=s) for s in shapes]


def derivatives(network, framework, functional, order):
    """The loss, and the gradients of the sum of squares of the gradients of ... of it."""
    x, t, weights = arrays()
    variables = [framework.tensor(a, requires_grad=True) for a in (x, *weights)]
    value = network(functional, variables[0], framework.tensor(t), variables[1:])
    found = [value.detach().numpy()]
    for _ in range(order):
        gradients = framework.autograd.grad(value, variables, create_graph=True)
        found += [g.detach().numpy() for g in gradients]
        value = sum((g * g).sum() for g in gradients)
    return found


@pytest.mark.parametrize(("network", "order"), [(specification, 2), (smooth, 3)])
def test_derivatives_agree_with_torch(network, order):
    ours = derivatives(network, our, F, order)
    theirs = derivatives(network, torch, PlainNorms(), order)
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9 * max(1.0, np.abs(expected).max()))


def test_fourth_derivative_along_a_line():
    """Through convolution and overlapping max-pooling with a polynomial, where it is known."""
    rng = np.random.default_rng(3)
    x, w, d = rng.normal(size=(1, 2, 6, 6)), rng.normal(size=(3, 2, 3, 3)), rng.normal(size=(3, 2, 3, 3))

    def loss(s):
        y = F.max_pool2d(F.conv2d(our.tensor(x), our.tensor(w) + s * our.tensor(d)), 2, 1)
        return (y * y * y * y).sum()

    s = our.tensor(0.0, dtype=np.float64, requires_grad=True)
    value = loss(s)
    for _ in range(4):
        (value,) = our.autograd.grad(value, s, create_graph=True)
    # near s = 0 the same elements win, and the loss is a polynomial of degree 4 in s
    nodes = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) * 1e-3
    values = np.array([loss(our.tensor(n, dtype=np.float64)).item() for n in nodes])
    expected = values @ [1, -4, 6, -4, 1] / 1e-12
    y = TF.max_pool2d(TF.conv2d(torch.tensor(x), torch.tensor(w)), 2, 1, return_indices=True)[1]
    slope = TF.conv2d(torch.tensor(x), torch.tensor(d)).flatten(2).gather(2, y.flatten(2))
    exact = 24 * float((slope**4).sum())
    assert value.item() == pytest.approx(exact, rel=1e-10)
    assert expected == pytest.approx(exact, rel=0.5)  # rounding is divided by 1e-12


def test_the_gradient_of_the_input_is_not_computed_unless_asked_for(monkeypatch):
    from cnn_physics77.core.kernels import convolution as kernels

    def forbidden(*_):
        raise AssertionError("the input gradient was computed")

    for name in ("convolution_input_gradient", "convolution_gradients"):
        monkeypatch.setattr(kernels, name, forbidden)
    x, t, weights = arrays()
    variables = [our.tensor(a, requires_grad=True) for a in weights]
    specification(F, our.tensor(x), our.tensor(t), variables).backward()
    assert all(v.grad is not None for v in variables)


def test_a_recorded_gradient_depends_only_on_what_it_is_computed_from():
    x, _, weights = arrays()
    x[0, 0, 2, 2] = np.inf
    found = []
    for framework, functional in ((our, F), (torch, TF)):
        x_, w, g = (framework.tensor(a, requires_grad=True) for a in (x, weights[0], np.ones((4, 2, 5, 5))))
        y = functional.conv2d(x_, w)
        of_x, of_w = framework.autograd.grad(y, [x_, w], g, create_graph=True)
        of_x = framework.autograd.grad(of_x.sum(), [g, x_, w], retain_graph=True, allow_unused=True)
        of_w = framework.autograd.grad(of_w[0].sum(), [g, x_, w], allow_unused=True)
        found.append([*of_x, *of_w])
    assert [a is None for a in found[0]] == [a is None for a in found[1]]
    assert np.isfinite(found[0][0].numpy()).all()
    for ours, theirs in zip(*found):
        if ours is not None:
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12, atol=1e-12)


def test_gradients_lie_in_memory_as_the_parameters_do():
    x, t, weights = arrays()
    variables = [our.tensor(a, requires_grad=True) for a in weights]
    specification(F, our.tensor(x), our.tensor(t), variables).backward()
    for variable in variables[1:]:
        assert variable.grad.is_contiguous()
