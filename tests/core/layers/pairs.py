"""A layer in both frameworks, and how the two compare."""

import numpy as np
import torch

import cnn_physics77 as ours


def pair_of(name, arguments, settings):
    """The layer in both frameworks, float64, with the same parameters."""
    mine = getattr(ours.nn, name)(*arguments, **settings).double()
    theirs = getattr(torch.nn, name)(*arguments, **settings).double()
    mine.load_state_dict(theirs.state_dict())
    return mine, theirs


def inputs_of(framework, inputs):
    rng = np.random.default_rng(1)
    tensors = []
    for given in inputs:
        if isinstance(given, np.ndarray):
            tensors.append(framework.from_numpy(given.copy()))
        else:
            tensors.append(framework.from_numpy(rng.normal(size=given)).requires_grad_())
    return tensors


def compare(mine, theirs, inputs, rtol=1e-9):
    """Values, gradients of inputs and of parameters."""
    results = []
    for framework, layer in ((ours, mine), (torch, theirs)):
        tensors = inputs_of(framework, inputs)
        y = layer(*tensors)
        weights = np.random.default_rng(2).normal(size=tuple(y.shape))
        (y * framework.from_numpy(weights)).sum().backward()
        variables = [*(t for t in tensors if t.requires_grad), *layer.parameters()]
        results.append([y.detach().numpy(), *(v.grad.numpy() for v in variables)])
    for found, wanted in zip(*results, strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=1e-12)
