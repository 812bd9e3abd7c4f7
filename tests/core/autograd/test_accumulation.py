"""Where a result is used several times its gradients are added in place, if nobody else sees the memory."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels import elementwise


def _residual(retained: bool):
    """r = 2 x; y = f(r) + (r + w): the sum hands one gradient to r and to w, and f then a fresh one to r."""
    n = 2 * elementwise.LARGE
    x = ours.arange(float(n)).requires_grad_()
    w = ours.ones(n).requires_grad_()
    r = x * 2.0
    y = r * 3.0 + (r + w)
    seen = []
    if retained:
        r.register_hook(lambda g: seen.append(g))
    seed = ours.ones(n)
    y.backward(seed)
    return x, w, seed, seen


@pytest.mark.parametrize("retained", [False, True])
def test_a_shared_gradient_is_not_written_into(retained):
    x, w, seed, seen = _residual(retained)
    np.testing.assert_array_equal(x.grad.numpy(), 8.0)
    np.testing.assert_array_equal(w.grad.numpy(), 1.0)
    np.testing.assert_array_equal(seed.numpy(), 1.0)
    for gradient in seen:
        np.testing.assert_array_equal(gradient.numpy(), 4.0)


def test_a_fresh_gradient_takes_up_one_that_is_shared(monkeypatch):
    sums = []

    def spy(a, b, out):
        sums.append((a.copy(), b.copy()))
        np.add(a, b, out=out)

    monkeypatch.setattr("cnn_physics77.core.autograd.execution.add_into", spy)
    _residual(False)
    assert len(sums) == 1  # one addition, and it needed no new memory


def test_the_gradient_of_a_slice_has_the_memory_order_of_what_it_is_added_to():
    x = ours.ones(2, 3, 4, 4).requires_grad_()
    y = x[:, :, ::2, ::2]
    g = ours.from_numpy(np.ones((2, 2, 2, 3), np.float32).transpose(0, 3, 1, 2))
    (gradient,) = ours.autograd.grad(y, x, g)
    assert gradient.numpy().transpose(0, 2, 3, 1).flags.c_contiguous
    assert gradient.sum().item() == 24.0


PROGRAMS = {
    "variance": lambda t, x: ((x**2).mean(0) - x.mean(0) ** 2).sum(),
    "two sums": lambda t, x: (x.sum(0) * 2).sum() + (x.sum(0) * 3).sum(),
    "sums of both dimensions": lambda t, x: x.sum(0).exp().sum() + x.sum(1).exp().sum(),
    "a mean and a sum of all": lambda t, x: (x.mean(0) ** 2).sum() + x.sum() ** 3,
    "expanded": lambda t, x: (x[0].expand(3, 2) * 2).sum() + x.sum() + (x[:, :1].expand(2, 5) ** 2).sum(),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients_that_repeat_one_number_are_not_written_into(program):
    """Their memory has stride 0: it is nobody else's, and yet no place for a sum."""
    found = []
    for framework in (ours, torch):
        x = framework.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=framework.float64).requires_grad_()
        PROGRAMS[program](framework, x).backward()
        found.append(x.grad.numpy())
    np.testing.assert_allclose(*found, rtol=1e-13)


def test_a_gradient_penalty_through_the_bias_of_a_convolution():
    found = []
    for framework in (ours, torch):
        functional = framework.nn.functional
        values = np.random.default_rng(0)
        x, w, b = (framework.from_numpy(values.random(s)) for s in ((2, 1, 5, 5), (2, 1, 3, 3), (2,)))
        w, b = w.requires_grad_(), b.requires_grad_()
        g = framework.autograd.grad((functional.conv2d(x, w, b) ** 3).sum(), [b, w], create_graph=True)
        ((g[0] ** 2).sum() + (g[0] ** 3).sum() + (g[1] ** 2).sum()).backward()
        found.append((b.grad.numpy(), w.grad.numpy()))
    for a, c in zip(*found):
        np.testing.assert_allclose(a, c, rtol=1e-12)


def test_gradients_of_a_users_function_may_overlap_or_be_read_only():
    def overlapping():
        return np.ndarray((2, 3), np.float64, np.array([1.0, 2.0, 3.0]), strides=(0, 8))

    def read_only():
        array = np.array([[1.0, 2.0, 3.0]] * 2)
        array.flags.writeable = False
        return array

    for make in (overlapping, read_only):

        class Function(ours.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 1.0

            @staticmethod
            def backward(ctx, g, make=make):
                return ours.from_numpy(make())

        x = ours.zeros(2, 3, dtype=ours.float64, requires_grad=True)
        product = (x * ours.arange(6.0, dtype=ours.float64).reshape(2, 3)).sum()
        (product + Function.apply(x).sum() + Function.apply(x).sum()).backward()
        np.testing.assert_array_equal(x.grad.numpy(), [[2, 5, 8], [5, 8, 11]])


def test_a_gradient_that_cannot_be_added_to_is_refused():
    x = ours.ones(2, requires_grad=True)
    x.grad = ours.ones(1).expand(2)
    with pytest.raises(ShapeError, match=r"\.grad in memory that can be written"):
        x.sum().backward()
