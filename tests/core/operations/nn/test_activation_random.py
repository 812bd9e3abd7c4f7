"""Activation functions that draw: their distributions, and their derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

F = ours.nn.functional


def test_random_slopes():
    ours.manual_seed(0)
    x = ours.cat([-ours.ones(20_000), ours.ones(5), ours.zeros(5)]).double().requires_grad_()
    y = F.rrelu(x, 0.2, 0.6, training=True)
    slopes = -y[:20_000].detach().numpy()
    assert 0.2 <= slopes.min() < 0.201 and 0.599 < slopes.max() < 0.6
    assert abs(slopes.mean() - 0.4) < 5 * 0.4 / np.sqrt(12 * 20_000)
    assert y[20_000:].tolist() == [1.0] * 5 + [0.0] * 5
    (g,) = ours.autograd.grad(y.sum(), x)
    np.testing.assert_array_equal(g[:20_000].numpy(), slopes)
    assert (g[20_000:20_005] == 1).all() and (g[20_005:] < 0.6).all()


def test_slopes_in_evaluation_are_those_of_pytorch():
    for framework in (ours, torch):
        x = framework.tensor([-4.0, 0.0, 2.0])
        assert framework.nn.functional.rrelu(x, 0.2, 0.3).tolist() == [-1.0, 0.0, 2.0]
        assert framework.nn.functional.rrelu(x, 0.2, 0.3, False, True) is x
        with pytest.raises((ValueError, RuntimeError), match="ower bound"):
            framework.nn.functional.rrelu(x, 0.3, 0.2, True)


@pytest.mark.parametrize("hard", [True, False])
def test_gumbel_softmax_chooses_with_the_softmaxs_probabilities(hard):
    ours.manual_seed(0)
    logits = ours.tensor([0.0, 1.0, 2.0, -1.0], dtype=ours.float64)
    y = F.gumbel_softmax(logits.expand(20_000, 4), tau=0.5, hard=hard)
    np.testing.assert_allclose(y.sum(1).numpy(), 1.0, rtol=1e-12)
    assert hard == bool(((y == 0) | ((y - 1).abs() < 1e-12)).all())
    found = np.bincount(y.argmax(1).numpy(), minlength=4) / 20_000
    p = ours.softmax(logits, 0).numpy()
    assert (np.abs(found - p) < 5 * np.sqrt(p * (1 - p) / 20_000)).all()


def test_gumbel_softmax_has_the_derivative_of_the_soft_sample():
    x = ours.from_numpy(np.random.default_rng(0).normal(size=(3, 4))).requires_grad_()
    gradients = []
    for hard in (True, False):
        ours.manual_seed(1)
        y = F.gumbel_softmax(x, 0.7, hard, dim=0)
        gradients.append(ours.autograd.grad((y * ours.arange(4.0).double()).sum(), x)[0].numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-12)
    for framework in (ours, torch):
        with pytest.warns(UserWarning, match="eps"):
            framework.nn.functional.gumbel_softmax(framework.zeros(2), eps=0.1)
