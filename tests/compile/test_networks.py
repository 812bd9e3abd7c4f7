"""The networks of the package and of the example, trained in captured steps: the bits of the steps
themselves."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import cnn_physics77 as torch
import cnn_physics77.nn as nn
import cnn_physics77.nn.functional as F
from cnn_physics77.core import model as models
from tests.compile.worlds import run_both

EXAMPLE = Path(__file__).parents[2] / "examples" / "mnist_pytorch_style.py"


def example() -> nn.Module:
    """The network of the example script."""
    specification = importlib.util.spec_from_file_location("example_of_mnist", EXAMPLE)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Net()


NETWORKS = {
    "example": (example, (1, 28, 28)),
    "CNN": (models.CNN, (1, 28, 28)),
    "MLP": (models.MLP, (784,)),
    "LeNet5": (models.LeNet5, (1, 28, 28)),
    "ResNet20": (lambda: models.ResNet20(shortcut="B"), (3, 16, 16)),
    "VGG": (lambda: models.VGG(3, (8, 16), 32, image_size=16), (3, 16, 16)),
}


DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


@DTYPES
@pytest.mark.parametrize(
    "name, channels_last",
    [*((name, False) for name in NETWORKS), *((n, True) for n, (_, size) in NETWORKS.items() if size[1:])],
)
def test_network(name, dtype, channels_last, replays):
    train(name, dtype, channels_last)
    assert replays.count > 0


@DTYPES
@pytest.mark.parametrize("name", ["MLP", "LeNet5"])
def test_processes_have_the_bits_of_the_eager_step(name, dtype, replays):
    train(name, dtype, batch=7, lanes="processes")
    assert replays.count > 0


def train(name, dtype, channels_last=False, batch=4, **options):
    """Train a network of the table in captured steps and beside it in eager ones; compare their bits."""
    make, size = NETWORKS[name]

    def build(world):
        world.model = make().to(dtype)
        if channels_last:
            world.model.to(memory_format=torch.channels_last)
        world.optimizer = torch.optim.SGD(world.model.parameters(), lr=0.05, momentum=0.9)

        def step(x, target):
            world.optimizer.zero_grad()
            loss = F.cross_entropy(world.model(x), target)
            loss.backward()
            world.optimizer.step()
            return loss

        world.step = step

    def script(world):
        for number in range(6):
            rng = np.random.default_rng(number)
            x = torch.from_numpy(rng.normal(size=(batch, *size))).to(dtype)
            x = x.to(memory_format=torch.channels_last) if channels_last else x
            yield world.step(x, torch.from_numpy(rng.integers(0, 10, batch)))

    run_both(build, script, fullgraph=True, **options)
