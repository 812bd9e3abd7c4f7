"""``_parameters``, ``_buffers``, ``_modules`` and the dictionaries of hooks, changed as in PyTorch."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

BOTH = pytest.mark.parametrize("module", [ours, torch], ids=["ours", "torch"])


def network(module):
    made = module.nn.Sequential(module.nn.Linear(2, 3), module.nn.BatchNorm1d(3), module.nn.Linear(3, 1))
    with module.no_grad():
        for i, p in enumerate(made.parameters()):
            p.copy_(module.arange(float(p.numel())).reshape(p.shape) / 10 + i)
    return made


def seen(made):
    """What the module's methods say is in it."""
    return (
        [n for n, _ in made.named_parameters()],
        [n for n, _ in made.named_buffers()],
        [n for n, _ in made.named_modules()],
        list(made.state_dict()),
    )


def change_parameters(module, made):
    layer = made[0]
    weight = layer._parameters["weight"]
    del layer._parameters["weight"]  # as torch.nn.utils.prune does
    assert not hasattr(layer, "weight") and "weight" not in layer._parameters
    layer.register_parameter("weight_orig", weight)
    layer.register_buffer("weight_mask", module.ones(3, 2))
    layer.weight = layer.weight_orig * layer.weight_mask
    with pytest.raises(KeyError, match="nothing"):
        del layer._parameters["nothing"]
    with pytest.raises(KeyError, match="weight"):
        layer._parameters["weight"]


def replace_by_a_result(module, made):
    for layer in (made[0], made[2]):
        for name, p in layer._parameters.items():
            layer._parameters[name] = p * 2  # fast weights, as in MAML; not a Parameter


def change_buffers(module, made):
    norm = made[1]
    norm._buffers["running_mean"] = module.ones(3)
    norm._buffers["extra"] = module.zeros(2)
    norm._buffers.update(more=None)
    assert norm._buffers.pop("running_var") is not None
    norm._buffers["running_var"] = module.ones(3)


def change_modules(module, made):
    assert list(made._modules) == ["0", "1", "2"] and len(made._modules) == 3
    made._modules["1"] = module.nn.Identity()
    made._modules["3"] = module.nn.Tanh()
    made._modules["2"], made._modules["4"] = module.nn.Linear(3, 3), None
    del made._modules["4"]
    assert isinstance(made[3], module.nn.Tanh) and made._modules.get("9") is None
    assert [*made._modules.values()][1] is made[1]


def set_none(module, made):
    made[0]._parameters["bias"] = None
    assert made[0].bias is None


CHANGES = [change_parameters, replace_by_a_result, change_buffers, change_modules, set_none]


@pytest.mark.needs_torch
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_changes_are_seen_as_in_pytorch(change):
    found = []
    for module in (ours, torch):
        made = network(module)
        change(module, made)
        found.append(seen(made))
    assert found[0] == found[1]


@pytest.mark.needs_torch
@pytest.mark.parametrize(
    "change", [change_parameters, replace_by_a_result], ids=lambda change: change.__name__
)
def test_the_output_follows(change):
    outputs = []
    for module in (ours, torch):
        made = network(module).eval()
        change(module, made)
        y = made(module.ones(2, 2))
        y.sum().backward()
        outputs.append(y.detach().numpy())
    np.testing.assert_allclose(*outputs, rtol=1e-6)


def test_a_name_has_one_kind():
    layer = ours.nn.Linear(2, 2)
    layer._modules["bias"] = ours.nn.Identity()
    assert list(layer._parameters) == ["weight"] and seen(layer)[2] == ["", "bias"]
    assert repr(layer._buffers) == "{}"


@BOTH
def test_hooks_are_dictionaries_that_can_be_changed(module):
    layer, called = module.nn.Identity(), []

    def hook(name):
        return lambda *_: called.append(name)

    first = layer.register_forward_hook(hook("first"))
    layer.register_forward_hook(lambda m, args, kwargs, output: called.append("kwargs"), with_kwargs=True)
    layer.register_forward_pre_hook(hook("before"))
    layer.register_full_backward_hook(hook("backward"))
    assert [len(h) for h in (layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks)] == [
        2,
        1,
        1,
    ]
    assert next(iter(layer._forward_hooks)) == first.id

    def run():
        called.clear()
        layer(module.ones(2, requires_grad=True) * 1).sum().backward()
        return called

    assert run() == ["before", "first", "kwargs", "backward"]
    kept = layer._forward_hooks.copy()
    del layer._forward_hooks[first.id]
    assert run() == ["before", "kwargs", "backward"]
    layer._forward_hooks.clear()
    layer._backward_hooks.popitem()
    assert run() == ["before"]
    layer._forward_hooks = kept
    layer._forward_pre_hooks = OrderedDict()
    assert run() == ["first", "kwargs"]
    assert layer._forward_hooks == kept and len(layer._backward_pre_hooks) == 0


def test_without_hooks_none_are_made_by_looking_at_others():
    layer = ours.nn.Identity()
    handle = layer.register_forward_hook(lambda *_: None)
    handle.remove()
    assert len(layer._forward_hooks) == 0 == len(layer._backward_hooks)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        copied.register_forward_hook(print)
        assert len(copied._forward_hooks) == 1 and len(layer._forward_hooks) == 0


@BOTH
def test_a_copy_is_a_dict_of_its_own(module):
    made = module.nn.Linear(2, 1)
    copied = made._parameters.copy()
    assert type(copied) is dict and list(copied) == ["weight", "bias"] and copied["bias"] is made.bias
    del copied["bias"]
    assert made.bias is not None
