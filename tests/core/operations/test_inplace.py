"""Changes of whole tensors in place: values, gradients and memory as in PyTorch."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import GradientError

UNARY = [
    "abs",
    "neg",
    "exp",
    "log",
    "sqrt",
    "square",
    "tanh",
    "sin",
    "cos",
    "reciprocal",
    "ceil",
    "floor",
    "round",
    "trunc",
    "frac",
    "sign",
    "sgn",
    "acos",
    "asin",
    "atan",
    "sinh",
    "cosh",
    "tan",
    "exp2",
    "expm1",
    "log2",
    "log10",
    "log1p",
    "rsqrt",
    "sigmoid",
    "relu",
    "deg2rad",
    "rad2deg",
    "tril",
    "triu",
]


@pytest.mark.parametrize("name", UNARY)
def test_unary_operations(same, name):
    same(lambda _, x: getattr(x * 0.5, f"{name}_")() * x, (3, 4))
    a, b = ours.tensor([[0.3, 0.6]]), torch.tensor([[0.3, 0.6]])
    view = a[:, 1:]
    before = view._version
    assert getattr(a, f"{name}_")() is a
    getattr(b, f"{name}_")()
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    np.testing.assert_array_equal(view.numpy(), a.numpy()[:, 1:])
    assert view._version == before + 1


@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "div", "pow", "atan2", "remainder", "fmod", "clamp_min"]
)
def test_binary_operations(same, name):
    same(lambda _, x, w: getattr(x * 2, f"{name}_")(w), (2, 3), (3,))
    if name != "atan2":
        same(lambda _, x: getattr(x * 2, f"{name}_")(0.7) * x, (2, 3))


def test_operators(same):
    def function(_, x, w):
        y = x * 1.0
        y += w
        y -= 0.5
        y *= w
        y /= w
        y **= 2
        return y

    same(function, (2, 3), (3,))


def test_a_tensor_times_itself():  # which PyTorch refuses in backward
    x = ours.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    y *= y
    y.sum().backward()
    assert x.grad.tolist() == [2, 4, 6]


def test_operators_of_integers_and_booleans():
    results = []
    for framework in (ours, torch):
        x = framework.tensor([5, 6, 7])
        x += 3
        x //= 2
        x %= 3
        x &= 3
        x |= 4
        x ^= 1
        x <<= 2
        x >>= 1
        results.append(x.tolist())
    assert results[0] == results[1]


def test_alpha_and_ternary_operations(same):
    same(lambda _, x, w: (x * 1).add_(w, alpha=3).sub_(w, alpha=0.5), (3,), (3,))
    same(lambda _, x, w: (x * 1).addcmul_(w, w, value=2).addcdiv_(x, w, value=-1), (3,), (3,))
    same(lambda _, x, w: (x * 1).lerp_(w, 0.3), (3,), (3,))
    same(lambda _, x: (x * 1).clamp_(0.8, 1.2), (30,))


def test_new_values(same):
    same(lambda _, x, w: (x * 1).copy_(w) * x, (2, 3), (3,))
    same(lambda _, x: (x * 1).zero_() + x, (3,))
    same(lambda _, x: (x * 1).fill_(2.0) * x, (3,))
    same(lambda _, x, w: (x * 1).fill_(w) * x, (3,), ())
    same(lambda f, x: (x * 1).masked_fill_(x.detach() > 1, 7.0) * x, (9,))
    same(lambda f, x: (x * 1).fill_diagonal_(7.0) * x, (3, 4))


def test_constant_becomes_recorded(same):
    def function(f, w):
        out = f.zeros(2, 3, dtype=f.float64)
        for i in range(3):
            out[:, i] = w * i
        return out

    same(function, (2,))


def test_old_values_are_kept_where_the_change_itself_needs_them(same):
    same(lambda _, x: (x * 1).sin_().cos_().mul_(x).pow_(3), (4,))
    same(lambda _, x: (x * 1)[1:].sin_().mul_(2), (4,))


def test_memory_is_taken_over_only_if_nobody_sees_it():
    x = ours.ones(1000, requires_grad=True)
    y = x * 1
    seen = y.numpy(force=True)
    y.add_(1)
    assert seen is y.array and seen[0] == 2
    z = x * 1
    detached = z.detach()
    z.mul_(3)
    assert detached[0].item() == 3
    z = x * 1
    row = z[10:]
    z.mul_(3)
    assert row[0].item() == 3 and np.shares_memory(row.array, z.array)


def test_no_reference_cycles():
    gc.disable()
    try:
        x = ours.ones(3, requires_grad=True)
        y = x * 1
        y.add_(1)
        y[1:].mul_(2)
        y[0] = 5
        y.exp_()
        array = weakref.ref(y.array)
        del y
        assert array() is None
    finally:
        gc.enable()


def test_second_derivatives():
    for framework in (ours, torch):
        x = framework.tensor([0.5, 1.0, 1.5], dtype=framework.float64, requires_grad=True)
        y = x * x
        y[1:].mul_(x[:2]).sin_()
        y[0] = x[2] ** 3
        (g,) = framework.autograd.grad((y * y).sum(), x, create_graph=True)
        (h,) = framework.autograd.grad((g * g).sum(), x)
        if framework is ours:
            found = h.numpy()
    np.testing.assert_allclose(found, h.numpy(), rtol=1e-12)


def test_shapes_in_place(same):
    def function(f, x):
        y = x * 1
        y.t_()
        y.unsqueeze_(0)
        y.mul_(2)
        return y.squeeze_(0).transpose_(0, 1)

    same(function, (2, 3))
    y = ours.ones(2, 3)
    row = y[0]
    with pytest.raises(GradientError, match="views"):
        y.t_()
    assert row.t_() is row
    base = ours.ones(2, 3, requires_grad=True) * 1
    view = base[:, 1:]
    view.t_()
    view.mul_(ours.tensor([2.0, 3.0]))
    assert base.tolist() == [[1, 2, 2], [1, 3, 3]]


def test_detach_in_place():
    x = ours.ones(3, requires_grad=True)
    y = x * 2
    assert y.detach_() is y and not y.requires_grad and y.is_leaf
    with pytest.raises(GradientError, match="views"):
        (x * 2)[0].detach_()


def test_nothing_can_be_changed_in_place():
    """Strides of an empty array are zeros without being an expansion."""
    x = ours.zeros(0, 4, 3, requires_grad=True)
    y = x * 1.0
    y.mul_(2.0)
    y[:, 1:] = 2.0
    ours.nn.functional.relu(y, inplace=True)
    y.sum().backward()
    assert x.grad.shape == (0, 4, 3)
    with ours.no_grad():
        x.addcmul_(x, x)
