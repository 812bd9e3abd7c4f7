"""Activation functions that overwrite their input, against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

FUNCTIONS = [
    ("relu_", ()),
    ("elu_", (0.7,)),
    ("celu_", (0.5,)),
    ("selu_", ()),
    ("hardtanh_", (-0.5, 0.7)),
    ("leaky_relu_", (0.2,)),
    ("threshold_", (0.1, 3.0)),
    ("rrelu_", (0.2, 0.2, True)),
]


@pytest.mark.parametrize(("name", "arguments"), FUNCTIONS)
def test_values_and_gradients(name, arguments):
    values = np.random.default_rng(0).normal(size=(3, 4))
    results = []
    for framework in (ours, torch):
        x = framework.tensor(values, requires_grad=True)
        y = x * 1
        assert getattr(framework.nn.functional, name)(y, *arguments) is y
        y.sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy()))
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert hasattr(ours, name) == hasattr(torch, name)
