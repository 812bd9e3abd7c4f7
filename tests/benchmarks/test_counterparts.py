"""The baseline's networks against ours: the same keys and shapes, the same logits from the same values."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.benchmarks import CNN_torch
from cnn_physics77.core import model

CASES = {
    "CNN": ({}, (3, 1, 28, 28)),
    "CNN small": (
        {"in_channels": 2, "channels": 3, "kernel_size": 5, "hidden": 7, "classes": 4, "image_size": 9},
        (3, 2, 9, 9),
    ),
    "MLP": ({}, (3, 1, 28, 28)),
    "LeNet5": ({}, (3, 1, 28, 28)),
    "VGG": ({}, (2, 1, 28, 28)),
    "VGG small": (
        {"in_channels": 2, "channels": (3, 4), "hidden": 5, "classes": 6, "image_size": 9},
        (2, 2, 9, 9),
    ),
    "ResNet20": ({}, (2, 3, 32, 32)),
    "ResNet20 B": ({"in_channels": 1, "classes": 3, "shortcut": "B"}, (2, 1, 16, 16)),
}


@pytest.mark.parametrize("case", CASES)
def test_same_names_shapes_and_logits(case):
    arguments, size = CASES[case]
    name = case.split()[0]
    theirs = getattr(CNN_torch, name)(**arguments).double()
    mine = getattr(model, name)(**arguments).double()
    state = theirs.state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == {
        key: tuple(value.shape) for key, value in mine.state_dict().items()
    }
    mine.load_state_dict({key: ours.from_numpy(np.array(value.numpy())) for key, value in state.items()})
    images = np.random.default_rng(0).normal(size=size)
    expected = theirs(torch.from_numpy(images)).detach().numpy()
    np.testing.assert_allclose(
        mine(ours.from_numpy(images)).detach().numpy(), expected, rtol=1e-10, atol=1e-12
    )
    assert expected.std() > 0
