"""The blocks of Inception against PyTorch's convolutions in the order of torchvision, and its outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import cnn_physics77 as ours
from cnn_physics77.vision import models
from cnn_physics77.vision.models import inception

BLOCKS = {  # what is concatenated: convolutions after each other; those of stride 2 have a star
    "a": ("1x1", "5x5_1 5x5_2", "3x3dbl_1 3x3dbl_2 3x3dbl_3", "_pool"),
    "b": ("3x3*", "3x3dbl_1 3x3dbl_2 3x3dbl_3*"),
    "c": ("1x1", "7x7_1 7x7_2 7x7_3", "7x7dbl_1 7x7dbl_2 7x7dbl_3 7x7dbl_4 7x7dbl_5", "_pool"),
    "d": ("3x3_1 3x3_2*", "7x7x3_1 7x7x3_2 7x7x3_3 7x7x3_4*"),
    "e": (
        *("1x1", "3x3_1 3x3_2a", "3x3_1 3x3_2b"),
        *("3x3dbl_1 3x3dbl_2 3x3dbl_3a", "3x3dbl_1 3x3dbl_2 3x3dbl_3b", "_pool"),
    ),
}
MAKE = {
    "a": lambda: inception._a(4, 5),
    "b": lambda: inception._b(4),
    "c": lambda: inception._c(4, 6),
    "d": lambda: inception._d(4),
    "e": lambda: inception._e(4),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_torchvisions(name):
    ours.manual_seed(0)
    block = MAKE[name]().double()
    state = {key: torch.from_numpy(value.numpy()) for key, value in block.state_dict().items()}

    def convolution(x, place):
        place, stride = place.rstrip("*"), 1 + place.endswith("*")
        weight = state[f"branch{place}.conv.weight"]
        padding = [n // 2 if stride == 1 else 0 for n in weight.shape[2:]]
        scale, shift = (state[f"branch{place}.bn.{key}"] for key in ("weight", "bias"))
        y = F.conv2d(x, weight, stride=stride, padding=padding)
        return F.batch_norm(y, None, None, scale, shift, training=True, eps=0.001).relu()

    x = ours.randn(2, 4, 9, 8, dtype=ours.float64)
    parts = []
    for chain in BLOCKS[name]:
        y = torch.from_numpy(x.numpy())
        y = F.avg_pool2d(y, 3, 1, 1) if chain == "_pool" else y
        for place in chain.split():
            y = convolution(y, place)
        parts.append(y)
    if "_pool" not in BLOCKS[name]:
        parts.append(F.max_pool2d(torch.from_numpy(x.numpy()), 3, 2))
    np.testing.assert_allclose(block(x).detach().numpy(), torch.cat(parts, 1).numpy(), rtol=1e-9, atol=1e-11)


def test_outputs():
    model = models.inception_v3(num_classes=3, init_weights=False, transform_input=True)
    with ours.no_grad():
        assert model.eval()(ours.randn(1, 3, 75, 75)).shape == (1, 3)
        found = model.train()(ours.randn(2, 3, 299, 299))
    assert found._fields == ("logits", "aux_logits") and [y.shape for y in found] == [(2, 3)] * 2
