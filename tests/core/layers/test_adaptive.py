"""The adaptive softmax against PyTorch's, with the same parameters."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

SETTINGS = [{"cutoffs": [4, 9]}, {"cutoffs": [3], "div_value": 2.0, "head_bias": True}]


def pair(settings):
    layers = [f.nn.AdaptiveLogSoftmaxWithLoss(16, 20, **settings).double() for f in (ours, torch)]
    layers[0].load_state_dict(layers[1].state_dict())
    return layers


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("target", [[0, 5, 19, 3, 9, 8], [1, 2, 0], 7, 2])
def test_values_and_gradients(settings, target):
    target = np.array(target)
    x = np.random.default_rng(0).normal(size=(*target.shape, 16))
    results = []
    mine, theirs = pair(settings)
    assert repr(mine) == repr(theirs) and list(mine.state_dict()) == list(theirs.state_dict())
    for framework, layer in ((ours, mine), (torch, theirs)):
        given = framework.tensor(x, requires_grad=True)
        output, loss = layer(given, framework.tensor(target))
        (output.sum() + loss).backward()
        grads = [p.grad for p in layer.parameters() if p.grad is not None]
        results.append([t.detach().numpy() for t in (output, loss, given.grad, *grads)])
    for found, wanted in zip(*results, strict=True):
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("settings", SETTINGS)
def test_all_classes(settings):
    mine, theirs = pair(settings)
    x = np.random.default_rng(1).normal(size=(60, 16)) * 5
    found = mine.log_prob(ours.from_numpy(x))
    np.testing.assert_allclose(
        found.detach().numpy(), theirs.log_prob(torch.from_numpy(x)).detach().numpy(), rtol=1e-10
    )
    np.testing.assert_allclose(found.detach().exp().sum(1).numpy(), 1.0, rtol=1e-12)
    expected = theirs.predict(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(mine.predict(ours.from_numpy(x)).numpy(), expected)
    assert len(set(expected)) > 3


def test_weights_are_drawn_again():
    layer = ours.nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4])
    before = [p.clone() for p in layer.parameters()]
    layer.reset_parameters()
    assert not any(ours.equal(a, b) for a, b in zip(before, layer.parameters()))


@pytest.mark.parametrize("cutoffs", [[], [0, 3], [4, 4], [9, 4], [20], [2.5]])
def test_refused_cutoffs(cutoffs):
    for framework in (ours, torch):
        with pytest.raises(ValueError, match="cutoffs should be"):
            framework.nn.AdaptiveLogSoftmaxWithLoss(16, 20, cutoffs)


@pytest.mark.parametrize(
    ("shape", "target"), [((2, 16), [1]), ((16,), [1]), ((2, 16), 1), ((1, 16), [[1]]), ((1, 16), [20])]
)
def test_refused_targets(shape, target):
    for framework in (ours, torch):
        layer = framework.nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4])
        with pytest.raises(RuntimeError, match="arget"):
            layer(framework.zeros(shape), framework.tensor(target))
