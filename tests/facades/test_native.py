"""Functions that ``torch`` has with other arguments than ``torch.nn.functional``, against PyTorch's."""

import inspect

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77 import _native


def array(framework, *shape, seed=0):
    return framework.from_numpy(np.random.default_rng(seed).uniform(0.5, 2, shape))


CALLS = {
    "batch_norm": lambda f, x, v: (x, v(1), v(2), v(3), v(4), False, 0.1, 1e-5, True),
    "instance_norm": lambda f, x, v: (x, v(1), v(2), v(3), v(4), True, 0.1, 1e-5, True),
    "constant_pad_nd": lambda f, x, v: (x, (1, -1, 0, 2), 1.5),
    "grid_sampler_2d": lambda f, x, v: (x[None], array(f, 1, 2, 2, 2, seed=5) - 1, 0, 1, True),
    "grid_sampler_3d": lambda f, x, v: (x[None, None], array(f, 1, 2, 1, 2, 3, seed=5) - 1, 1, 2, False),
    "layer_norm": lambda f, x, v: (x.transpose(1, 2), (4,), v(1), v(2), 1e-5, True),
    "group_norm": lambda f, x, v: (x, 2, v(1), v(2), 1e-5, True),
    "embedding": lambda f, x, v: (x[0], f.tensor([3, 0, 3]), -1, True, False),
    "dropout": lambda f, x, v: (x, 0.5, False),
    "alpha_dropout": lambda f, x, v: (x, 0.5, False),
    "feature_alpha_dropout": lambda f, x, v: (x, 0.5, False),
}


@pytest.mark.parametrize("name", _native.__all__)
def test_values_and_gradients(name):
    results = []
    for framework in (ours, torch):
        x = array(framework, 2, 4, 3).requires_grad_()
        y = getattr(framework, name)(*CALLS[name](framework, x, lambda n, f=framework: array(f, 4, seed=n)))
        (y * y).sum().backward()
        results.append([y.detach().numpy(), x.grad.numpy()])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", _native.__all__)
def test_arguments(name):
    schema = str(torch._C._jit_get_schemas_for_operator(f"aten::{name}")[0])
    names = [part.split("=")[0].split()[-1] for part in schema.split("(", 1)[1].split(") ->")[0].split(", ")]
    assert list(inspect.signature(getattr(ours, name)).parameters) == [
        n.replace("self", "input") for n in names
    ]


def test_wrong_ranks():
    for framework in (ours, torch):
        for name in ("grid_sampler_2d", "grid_sampler_3d"):
            with pytest.raises(RuntimeError):
                getattr(framework, name)(framework.ones(1, 2, 3), framework.ones(1, 2, 3), 0, 0, False)


def test_padding_of_an_embedding():
    for framework in (ours, torch):
        table = framework.ones(3, 2, requires_grad=True)
        framework.embedding(table, framework.tensor([1, 2]), padding_idx=1).sum().backward()
        assert table.grad.tolist() == [[0, 0], [0, 0], [1, 1]]
