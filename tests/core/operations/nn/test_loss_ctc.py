"""Connectionist temporal classification against the sum over all paths, and its second derivative."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.autograd import gradcheck, gradgradcheck

F = torch.nn.functional


def likelihood(p, target, blank):
    """The sum over all paths, (T, C)."""
    total = 0.0
    for path in product(range(p.shape[1]), repeat=len(p)):
        merged = [symbol for symbol, _ in groupby(path) if symbol != blank]
        if merged == list(target):
            total += np.prod([p[t, symbol] for t, symbol in enumerate(path)])
    return total


@pytest.mark.parametrize("target", [(1,), (1, 2), (2, 2), (1, 2, 1), (1, 1, 1), ()])
@pytest.mark.parametrize("length", [1, 4, 5])
def test_sum_over_all_paths(target, length):
    x = np.random.default_rng(length).normal(size=(length, 3))
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    loss = F.ctc_loss(
        torch.from_numpy(np.log(p)),
        torch.tensor(target, dtype=torch.int64),
        (length,),
        (len(target),),
        reduction="sum",
    )
    np.testing.assert_allclose(np.exp(-loss.item()), likelihood(p, target, 0), rtol=1e-12)


def test_derivatives():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 2, 3))).requires_grad_()
    target = torch.tensor([[1, 2], [1, 1]])

    def loss(x):
        return F.ctc_loss(torch.log_softmax(x, 2), target, (4, 3), (2, 1), reduction="none")

    assert gradcheck(loss, (x,))
    assert gradgradcheck(loss, (x,))


def test_targets_that_are_too_long():
    x = torch.zeros(2, 1, 3, dtype=torch.float64, requires_grad=True)
    for zero, loss, gradient in ((False, np.inf, np.nan), (True, 0.0, 0.0)):
        found = F.ctc_loss(x, torch.tensor([[1, 1]]), (2,), (2,), zero_infinity=zero)
        assert found.item() == loss
        (g,) = torch.autograd.grad(found, x)
        np.testing.assert_array_equal(g.numpy(), np.full(x.shape, gradient))
