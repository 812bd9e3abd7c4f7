"""Hooks of tensors, and gradients that are retained."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import ShapeError


def variable(*values, dtype=np.float64):
    return ours.tensor(np.array(values, dtype=dtype), requires_grad=True)


def test_tensor_hooks_replace_and_are_removed():
    x = variable(1.0)
    y = x * 2.0
    handle = y.register_hook(lambda g: g * 10.0)
    (y * 1.0).backward()
    assert x.grad.item() == 20.0
    handle.remove()
    x.grad = None
    (x * 2.0).backward()
    assert x.grad.item() == 2.0


def test_leaf_hook_sees_the_whole_gradient_once():
    x = variable(1.0)
    seen = []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 2.0 + x * 3.0).backward()
    assert seen == [5.0]


def test_post_accumulate_hook():
    x = variable(1.0)
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    (x * 2.0).backward()
    (x * 2.0).backward()
    assert seen == [2.0, 4.0]


def test_retain_grad():
    x = variable(3.0)
    y = x * x
    y.retain_grad()
    (y * 2.0).backward()
    assert y.grad.item() == 2.0
    assert y.retains_grad and not x.retains_grad and not (x * x).retains_grad


def test_retain_grad_twice_is_once():
    x = variable(3.0)
    y = x * x
    y.retain_grad()
    y.retain_grad()
    y.backward()
    assert y.grad.item() == 1.0


@pytest.mark.parametrize("t", [ours, torch])
def test_the_retained_gradient_is_the_one_after_all_hooks(t):
    x = t.tensor(3.0, requires_grad=True)
    y = x * x
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.backward()
    assert y.grad.item() == 10.0 and x.grad.item() == 60.0


@pytest.mark.parametrize("t", [ours, torch])
def test_the_retained_gradient_is_that_of_the_values_after_a_change(t):
    x = t.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1.0
    view = y[1:]
    y.retain_grad()
    view.retain_grad()
    view.register_hook(lambda g: g * 100)  # belongs to the values as they are now
    y.mul_(5)
    (y * t.tensor([2.0, 3.0]) + view).sum().backward()
    assert y.grad.tolist() == [2.0, 5.0]
    assert view.grad.tolist() == [2.0]
    assert x.grad.tolist() == [10.0, 25.0]


@pytest.mark.parametrize("t", [ours, torch])
def test_the_retained_gradient_of_a_base_that_was_changed_through_a_view(t):
    x = t.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1.0
    y.retain_grad()
    y[1:].mul_(5)
    (y * t.tensor([2.0, 3.0])).sum().backward()
    assert y.grad.tolist() == [2.0, 3.0]
    assert x.grad.tolist() == [2.0, 15.0]


@pytest.mark.parametrize("t", [ours, torch])
def test_a_retained_gradient_that_is_asked_for_is_added_once(t):
    x = t.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1.0
    y.retain_grad()
    (y * y).sum().backward(inputs=[y])
    assert y.grad.tolist() == [2.0, 4.0] and x.grad is None


def test_a_retained_gradient_is_not_the_memory_that_was_given():
    x = variable(1.0, 2.0)
    y = x * x
    y.retain_grad()
    given = ours.ones(2, dtype=np.float64)
    y.backward(given)
    y.grad.zero_()
    assert given.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("leaf", [True, False])
@pytest.mark.parametrize("change", [lambda g: g.sum(), lambda g: g.to(np.float32)])
def test_a_hook_may_not_change_shape_or_dtype(leaf, change):
    x = variable(1.0, 2.0)
    y = x * x
    (x if leaf else y).register_hook(change)
    with pytest.raises(ShapeError, match=r"hook.* shape .*2.* and (torch.)?float64, found .*return None"):
        y.sum().backward()


def test_a_hook_that_keeps_the_gradient_sees_it_unchanged():
    x = variable(1.0, 1.0)
    y = x * 2.0
    seen = []
    z = y * 3.0
    z.register_hook(seen.append)
    w = z * 1.0 + z * 2.0 + z * 4.0
    w.sum().backward()
    assert seen[0].tolist() == [7.0, 7.0]
    assert x.grad.tolist() == [42.0, 42.0]


@pytest.mark.parametrize("leaf", [True, False])
def test_a_hook_returns_a_tensor_or_none(leaf):
    x = variable(1.0, 2.0)
    y = x * x
    (x if leaf else y).register_hook(lambda g: 2.0)
    with pytest.raises(TypeError, match="hook to return a tensor or None, found float"):
        y.sum().backward()


@pytest.mark.parametrize("t", [ours, torch])
@pytest.mark.parametrize("same_shape", ["expand", "expand_as", "broadcast_to"])
def test_hooks_on_a_view_of_the_same_shape_are_its_own(same_shape, t):
    x = t.ones(2, requires_grad=True)
    view = getattr(x, same_shape)(x if same_shape == "expand_as" else x.shape)
    view.register_hook(lambda g: 10 * g)
    (x + view).sum().backward()
    assert x.grad.tolist() == [11, 11]
    assert view.grad_fn is not None and view.grad_fn.next_functions[0][0] is not None
