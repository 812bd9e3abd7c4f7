"""What a caller keeps of captured calls: results and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import cnn_physics77 as torch
import cnn_physics77.nn as nn
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.tensor import Tensor

F64 = torch.float64


def x_of(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape or (3,)))


def test_results_and_gradients_that_are_kept(replays):
    """Later replays do not change what the caller has kept: results, gradients, and views of gradients."""
    weight = nn.Parameter(torch.ones(3, dtype=F64))

    @torch.compile
    def step(x):
        weight.grad = None
        loss = (weight * weight * x).sum()
        loss.backward()
        return loss, x * 2

    things, copies = [], []
    for seed in range(9):
        loss, y = step(x_of(seed))
        kinds = [weight.grad, weight.grad[1:], weight.grad.detach(), weight.grad.numpy(), y, loss, y[::2]]
        things.append(kinds[seed % len(kinds)])
        copies.append(np.array(things[-1] if seed % 7 == 3 else things[-1].array))
        np.testing.assert_array_equal(weight.grad.array, 2 * x_of(seed).array)
    for thing, copy in zip(things, copies):
        np.testing.assert_array_equal(thing.array if isinstance(thing, Tensor) else thing, copy)
    assert replays.count == 6


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 1,
        lambda x: x[1:],  # of an argument, of which a capture uses a copy
        lambda x: torch.zeros(3, dtype=F64).add_(x),  # of a constant, which a replay fills again
        lambda x: torch.arange(3.0),
    ],
)
def test_results_do_not_share_memory(function, replays):
    """Neither with one another, nor with what a later replay reads or writes."""
    captured, results, weight = torch.compile(lambda x: weight.sum().backward() or function(x)), [], None
    weight = nn.Parameter(torch.ones(3))
    for seed in range(6):
        results.append(captured(x_of(seed)))
        assert weight.grad.tolist() == [1, 1, 1]
        weight.grad.mul_(5)
        weight.grad = None
    for seed, result in enumerate(results):
        np.testing.assert_array_equal(result.array, function(x_of(seed)).array)
        result.array[:] = 0
    np.testing.assert_array_equal(captured(x_of(7)).array, function(x_of(7)).array)
    assert replays.count == 4


def test_views_that_are_returned(replays):
    """A view refers to the tensor that it is a view of; that is no reason to refuse it."""
    captured = torch.compile(lambda x: ((x + 1).reshape(3, 1).t(), x @ x, (x * 2)[1:]), fullgraph=True)
    for seed in range(5):
        x = x_of(seed)
        for a, b in zip(captured(x), ((x + 1).reshape(1, 3), x @ x, (x * 2)[1:]), strict=True):
            np.testing.assert_array_equal(a.array, b.array)
    assert replays.count == 2


def test_backward_through_a_result():
    """The graph of a result has been used, as after a second ``backward`` of an ordinary function."""
    weight = nn.Parameter(torch.ones(3, dtype=F64))

    @torch.compile
    def step(x):
        loss = (weight * x).sum() ** 2
        weight.grad = None
        loss.backward()
        return loss

    for seed in range(5):
        loss = step(x_of(seed))
        assert loss.requires_grad
        with pytest.raises(GradientError, match="second time"):
            loss.backward()
