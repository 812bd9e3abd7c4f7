"""Hooks of all modules, in PyTorch's order of calls."""

import subprocess
import sys

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


@pytest.mark.filterwarnings("ignore:Using a non-full backward hook:FutureWarning")  # torch's
@pytest.mark.parametrize("T", [our, torch])
def test_regular_hooks_exclude_full_ones(T):
    """Also after the last one was removed."""
    mixed = "Cannot use both regular backward hooks and full backward hooks on a single Module"
    first, second, seen = T.nn.Linear(2, 2), T.nn.Linear(2, 2), []
    assert first._is_full_backward_hook is None
    first.register_full_backward_hook(print).remove()
    second.register_backward_hook(lambda module, grad_input, grad_output: seen.append(grad_output)).remove()
    assert (first._is_full_backward_hook, second._is_full_backward_hook) == (True, False)
    with pytest.raises(RuntimeError, match=mixed):
        first.register_backward_hook(print)
    with pytest.raises(RuntimeError, match=mixed):
        second.register_full_backward_hook(print)
    second._backward_hooks[0] = lambda module, grad_input, grad_output: seen.append(grad_output)
    second(T.ones(1, 2, requires_grad=True)).sum().backward()
    assert len(seen) == len(second._backward_hooks) == 1


def test_the_last_operation_of_all_modules():
    """A process of its own: the kind of the hooks of all modules is never forgotten."""
    script = """if 1:
        import warnings

        warnings.simplefilter("ignore", FutureWarning)
        T = __import__("{}")
        from {}.nn.modules import module as registry
        net = T.nn.Sequential(T.nn.Tanh(), T.nn.Softplus())
        seen = []
        handle = registry.register_module_backward_hook(
            lambda module, grad_input, grad_output: seen.append((str(module), float(grad_output[0])))
        )
        net(T.zeros(1, requires_grad=True)).backward()
        try:
            registry.register_module_full_backward_hook(print)
        except RuntimeError as error:
            print(error)
        handle.remove()
        net(T.zeros(1, requires_grad=True)).backward()
        print(seen)
    """
    printed = [
        subprocess.run([sys.executable, "-c", script.format(name, name)], capture_output=True, text=True)
        for name in ("cnn_physics77", "torch")
    ]
    assert printed[0].stdout == printed[1].stdout and "as a global Module hook" in printed[0].stdout, printed


@pytest.mark.parametrize(
    "register",
    [
        lambda layer, hook: layer.register_backward_hook(hook),
        lambda layer, hook: layer.register_forward_hook(hook, with_kwargs=True),
    ],
)
def test_a_captured_function_sees_hooks_of_another_kind(register):
    """On a module that had hooks in the capture."""
    seen = []

    def hook(*given):
        seen.append(len(given))

    layer = our.nn.Linear(2, 2)
    layer.register_forward_pre_hook(lambda module, args: None)
    handle = layer.register_forward_hook(hook)

    @our.compile
    def step(x):
        layer.zero_grad()
        layer(x).sum().backward()

    x = our.ones(1, 2, requires_grad=True)
    for _ in range(4):
        x.grad = None
        step(x)
    handle.remove()
    register(layer, hook)
    before = len(seen)
    x.grad = None
    step(x)
    assert len(seen) == before + 1
