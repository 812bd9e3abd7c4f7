"""Hooks of all modules, in PyTorch's order of calls."""

import pytest
import torch
from torch.nn.modules import module as theirs

import cnn_physics77 as our
from cnn_physics77.nn.modules import module as ours

NAMES = ["forward_pre_hook", "forward_hook", "full_backward_pre_hook", "full_backward_hook"]


def calls(T, registry):
    """What is called when a network runs that has hooks of its own, with hooks of all modules."""
    seen = []

    def noting(label):
        return lambda module, *rest: seen.append((label, type(module).__name__))

    net = T.nn.Sequential(T.nn.Linear(2, 2), T.nn.Tanh())
    for name in NAMES:
        getattr(net[0], f"register_{name}")(noting(f"own {name}"))
    handles = [getattr(registry, f"register_module_{name}")(noting(name)) for name in NAMES]
    try:
        with registry.register_module_forward_hook(lambda module, args, output: output * 2):
            y = net(T.ones(1, 2, requires_grad=True))
        y.sum().backward()
        seen.append(float(T.nn.Identity()(T.ones(()))))
    finally:
        for handle in handles:
            handle.remove()
    net(T.ones(1, 2))
    return seen


def test_the_calls_are_torchs():
    assert calls(our, ours) == calls(torch, theirs)


def test_a_hook_that_is_called_always():
    class Fails(our.nn.Module):
        def forward(self, *, x):
            raise KeyError(x)

    seen = []
    options = {"with_kwargs": True, "always_call": True}
    handle = ours.register_module_forward_hook(lambda module, *rest: seen.append(rest), **options)
    with handle, pytest.raises(KeyError):
        Fails()(x=3)
    assert seen == [((), {"x": 3}, None)]


@pytest.mark.parametrize(("T", "registry"), [(our, ours), (torch, theirs)])
def test_a_hook_that_another_adds_is_called_in_the_same_call(T, registry):
    layer, seen = T.nn.Identity(), []

    def add(module, args):
        module.register_forward_hook(lambda module, args, output: seen.append(output))

    layer.register_forward_pre_hook(add)
    layer(1)
    with registry.register_module_forward_pre_hook(lambda module, args: None):
        layer(2)
    assert seen == [1, 2, 2]


def test_unpickled_hooks_are_not_those_of_all_modules():
    """A process that reads them may have given their numbers to others."""
    layer, seen = our.nn.Identity(), []
    with ours.register_module_forward_hook(lambda *_: seen.append("all")) as handle:
        layer._forward_hooks = {handle.id: lambda *_: seen.append("own")}
        layer(1)
    assert seen == ["all", "own"]


def test_a_captured_function_sees_hooks_that_are_added_and_removed():
    layer = our.nn.Linear(2, 2)
    function = our.compile(lambda x: layer(x))
    x, seen = our.ones(1, 2), []
    expected = [function(x) for _ in range(4)][-1]
    with ours.register_module_forward_hook(lambda module, args, output: seen.append(module) or output + 1):
        assert our.equal(function(x), expected + 1) and seen[0] is layer
    assert our.equal(function(x), expected)
