"""`checkpoint` has the results, gradients and hooks of the plain call, in PyTorch's manner."""

from __future__ import annotations

import weakref
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch.utils.checkpoint import checkpoint as their_checkpoint

import cnn_physics77 as ours
from cnn_physics77 import nn
from cnn_physics77.core.errors import GradientError
from cnn_physics77.utils.checkpoint import checkpoint, checkpoint_sequential


def plain(function, *args, use_reentrant=None, **kwargs):
    return function(*args, **kwargs)


def run(module, call, twice, **options):
    """All that can be seen of a network with one part inside ``call``: values, gradients, calls of hooks."""
    w = module.tensor(np.arange(9.0).reshape(3, 3) / 7, requires_grad=True)
    x = module.tensor(np.arange(6.0).reshape(2, 3) / 5, requires_grad=True)
    h = x * 2
    hooks = []
    w.register_hook(lambda g: (hooks.append("w"), g * 2)[1])
    h.register_hook(lambda g: (hooks.append("h"), g * 3)[1])

    def part(h, scale=1.0):
        a = (h @ w).tanh()
        b = (a * h).exp() * scale + h.sin()
        return a, [b.reshape(-1)], {"input": h, "constant": module.ones(2)}

    a, (b,), others = call(part, h, scale=0.5, **options)
    loss = (a.sum() + (b**2).mean() + others["input"].sum() * others["constant"].sum()).exp().log()
    if not twice:
        loss.backward()
        return [loss, x.grad, w.grad], sorted(hooks)
    gradients = module.autograd.grad(loss, [x, w], create_graph=True)
    sum((g**2).sum() for g in gradients).backward()
    return [loss, *gradients, x.grad, w.grad], sorted(hooks)


@pytest.mark.needs_torch
@pytest.mark.parametrize("twice", [False, True])
def test_values_gradients_and_hooks_are_those_of_the_plain_call_in_pytorch(twice):
    theirs, hooks = run(torch, plain, twice)
    checked, _ = run(torch, their_checkpoint, twice, use_reentrant=False)
    for reentrant in (False, True, None):
        mine, my_hooks = run(ours, checkpoint, twice, use_reentrant=reentrant)
        assert my_hooks == hooks
        for value, expected, also in zip(mine, theirs, checked, strict=True):
            np.testing.assert_allclose(value.detach(), expected.detach(), rtol=1e-10)
            np.testing.assert_allclose(value.detach(), also.detach(), rtol=1e-10)


def test_intermediate_results_are_freed_and_computed_again():
    alive, calls = [], []

    def part(x):
        middle = x.exp()
        alive.append(weakref.ref(middle))
        calls.append(1)
        return middle.log()

    x = ours.ones(3, requires_grad=True)
    y = checkpoint(part, x, use_reentrant=False)
    assert alive[0]() is None and len(calls) == 1
    y.sum().backward()
    assert len(calls) == 2 and np.array_equal(x.grad, [1, 1, 1])
    with pytest.raises(GradientError, match="second time"):
        y.sum().backward()


def test_the_graph_can_be_kept():
    x = ours.ones(3, requires_grad=True)
    y = checkpoint(ours.exp, x).sum()
    first, second = (ours.autograd.grad(y, x, retain_graph=True)[0] for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("preserve", [True, False])
def test_random_numbers_are_drawn_again(preserve):
    ours.manual_seed(67)
    x = ours.ones(1000, requires_grad=True)
    y = checkpoint(ours.nn.functional.dropout, x, preserve_rng_state=preserve)
    ours.rand(5)
    state = ours.get_rng_state()
    y.sum().backward()
    assert np.array_equal(x.grad, y.detach()) is preserve
    assert ours.equal(ours.get_rng_state(), state) is preserve


def test_without_gradients_it_is_a_call():
    assert checkpoint(lambda x, k: x * k, ours.ones(2), k=3).tolist() == [3, 3]
    x = ours.ones(2, requires_grad=True)
    with ours.no_grad():
        assert not checkpoint(ours.exp, x).requires_grad
    assert checkpoint(lambda x: x, x) is x
    assert checkpoint(lambda x: 7, x) == 7


def test_contexts_surround_both_computations():
    entered = []

    @contextmanager
    def context(name):
        entered.append(name)
        yield
        entered.append("end")

    x = ours.ones(2, requires_grad=True)
    y = checkpoint(ours.exp, x, context_fn=lambda: (context("first"), context("second")))
    assert entered == ["first", "end"]
    y.sum().backward()
    assert entered == ["first", "end", "second", "end"]


def test_errors():
    x = ours.ones(2, requires_grad=True)
    a = x * 1
    y = checkpoint(ours.exp, a)
    with ours.no_grad():
        a.add_(1)
    with pytest.raises(GradientError, match="modified by an inplace operation: one of shape"):
        y.sum().backward()
    outputs = [lambda x: (x * 2, x * 3), lambda x: x * 2]
    y, _ = checkpoint(lambda x: outputs.pop(0)(x), x)
    with pytest.raises(GradientError, match="compute the same again"):
        y.sum().backward()


def test_nested_checkpoints():
    def inner(x):
        return (x * x).tanh()

    def outer(x):
        return checkpoint(inner, x.sin()) * x

    x = ours.tensor([0.3, 0.7], dtype=ours.float64, requires_grad=True)
    assert ours.autograd.gradcheck(lambda x: checkpoint(outer, x), [x])
    assert ours.autograd.gradgradcheck(lambda x: checkpoint(outer, x), [x])


@pytest.mark.parametrize("segments", [1, 2, 3])
def test_sequential(segments):
    ours.manual_seed(67)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1))
    x = ours.rand(5, 3)
    expected = network(x)
    expected.sum().backward()
    gradients = [p.grad.numpy().copy() for p in network.parameters()]
    network.zero_grad()
    y = checkpoint_sequential(network, segments, x, use_reentrant=False)
    assert np.array_equal(y.detach(), expected.detach())
    y.sum().backward()
    for p, g in zip(network.parameters(), gradients, strict=True):
        np.testing.assert_allclose(p.grad, g, rtol=1e-6)
