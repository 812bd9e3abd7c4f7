"""Hooks of all modules on the registration of parameters, buffers and submodules, as PyTorch calls them."""

import copy
from contextlib import ExitStack

import pytest
import torch
from torch.nn.modules import module as theirs

import cnn_physics77 as our
from cnn_physics77.nn.modules import module as ours

BOTH = pytest.mark.parametrize(("T", "registry"), [(our, ours), (torch, theirs)])
KINDS = ["parameter", "buffer", "module"]

MADE = {
    "linear": lambda nn: nn.Linear(2, 3),
    "no bias": lambda nn: nn.Linear(2, 3, bias=False),
    "convolution": lambda nn: nn.Conv2d(2, 3, 3),
    "batch norm": lambda nn: nn.BatchNorm2d(3),
    "batch norm without buffers": lambda nn: nn.BatchNorm2d(3, track_running_stats=False),
    "instance norm": lambda nn: nn.InstanceNorm1d(3),
    "layer norm": lambda nn: nn.LayerNorm(3, bias=False),
    "embedding": lambda nn: nn.Embedding(3, 2),
    "prelu": lambda nn: nn.PReLU(),
    "lstm": lambda nn: nn.LSTM(2, 3, 2, bidirectional=True, proj_size=1),
    "cell": lambda nn: nn.GRUCell(2, 3),
    "attention": lambda nn: nn.MultiheadAttention(4, 2, kdim=3),
    "transformer layer": lambda nn: nn.TransformerDecoderLayer(4, 2, 3),
    "sequence": lambda nn: nn.Sequential(nn.Linear(2, 2), nn.Tanh()),
    "list": lambda nn: nn.ModuleList([nn.ReLU()]),
    "dictionary": lambda nn: nn.ModuleDict({"a": nn.ReLU()}),
    "parameters": lambda nn: nn.ParameterList([nn.Linear(2, 2).weight]),
    "loss": lambda nn: nn.NLLLoss(),
    "weight norm": lambda nn: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
    "spectral norm": lambda nn: nn.utils.spectral_norm(nn.Linear(2, 2)),
}


class Trace:
    """Notes what is registered with the hooks of all modules."""

    def __init__(self, registry):
        self.calls, self._stack = [], ExitStack()
        for kind in KINDS:
            register = getattr(registry, f"register_module_{kind}_registration_hook")
            self._stack.enter_context(register(self._noting(kind)))

    def _noting(self, kind):
        def hook(module, name, value):
            shape = tuple(value.shape) if hasattr(value, "shape") else type(value).__name__
            self.calls.append((kind, type(module).__name__, name, shape, hasattr(module, name)))

        return hook

    def __enter__(self):
        return self.calls

    def __exit__(self, *exception):
        self._stack.close()


@pytest.mark.parametrize("name", MADE)
def test_layers_register_what_torchs_do_in_the_same_order(name):
    seen = []
    for T, registry in ((our, ours), (torch, theirs)):
        with Trace(registry) as calls:
            MADE[name](T.nn)
        seen.append(list(calls))
        MADE[name](T.nn)
        assert calls == seen[-1]  # the hooks are removed
    assert seen[0] == seen[1] and seen[0]


def changes(T, registry):
    """What is called when a module is changed in every way."""

    class Own(T.nn.Module):
        pass

    module = Own()
    with Trace(registry) as calls:
        module.weight = T.nn.Parameter(T.ones(2))
        module.weight = None
        module.register_parameter("nothing", None)
        module.register_buffer("mean", None)
        module.mean = T.zeros(3)
        module.mean = None
        module.other = T.nn.Buffer(T.ones(1), persistent=False)
        module.part = T.nn.Tanh()
        module.part = None
        module.add_module("late", None)
        module.register_module("last", T.nn.ReLU())
        module.text = "no state"
        net = T.nn.Sequential(T.nn.Tanh(), T.nn.ReLU())
        calls.append("changes of a sequence")
        net[0] = T.nn.Sigmoid()
        net.insert(0, T.nn.Softplus())
        del net[1]
        net.append(T.nn.Tanh())
        net.set_submodule("1", T.nn.ELU())
        net.extend([T.nn.GELU()])
        calls.append("states and copies")
        line = T.nn.Linear(2, 1)
        line.load_state_dict({"weight": T.zeros(1, 2), "bias": T.ones(1)})
        line.load_state_dict({"weight": T.zeros(1, 2), "bias": T.ones(1)}, assign=True)
        copy.deepcopy(line).double().requires_grad_(False)
    return calls


def test_changes_of_modules_call_the_hooks_that_torchs_call():
    assert changes(our, ours) == changes(torch, theirs)


@BOTH
def test_a_result_is_registered_instead(T, registry):
    """The second hook gets what the first returned."""
    with (
        registry.register_module_parameter_registration_hook(lambda m, n, p: T.nn.Parameter(p.detach() + 1)),
        registry.register_module_parameter_registration_hook(lambda m, n, p: T.nn.Parameter(p.detach() * 2)),
        registry.register_module_buffer_registration_hook(lambda m, n, b: T.ones(2)),
    ):
        module = T.nn.Identity()
        module.weight = T.nn.Parameter(T.full((1,), 3.0))
        module.register_buffer("mean", None)
    assert module.weight.tolist() == [8] and module.mean.tolist() == [1, 1]
    assert list(module.state_dict()) == ["weight", "mean"]


@BOTH
def test_a_submodule_can_be_wrapped(T, registry):
    wrapped = T.nn.Sequential(T.nn.ReLU())
    with registry.register_module_module_registration_hook(lambda module, name, part: wrapped):
        net = T.nn.Sequential(T.nn.Tanh())
        net.late = T.nn.Tanh()
        net.late = None
        net.add_module("none", None)
    assert all(part is wrapped for part in (net[0], net.late, net.none))


@BOTH
def test_what_a_hook_raises_leaves_the_module_as_it_was(T, registry):
    def refuse(module, name, value):
        raise KeyError(name)

    layer = T.nn.BatchNorm1d(2)
    before = dict(layer.state_dict())
    with (
        registry.register_module_parameter_registration_hook(refuse),
        registry.register_module_buffer_registration_hook(refuse),
        registry.register_module_module_registration_hook(refuse),
    ):
        for name, value in {
            "weight": T.nn.Parameter(T.zeros(3)),
            "running_mean": T.zeros(3),
            "part": T.nn.Tanh(),
        }.items():
            with pytest.raises(KeyError, match=name):
                setattr(layer, name, value)
    after = dict(layer.state_dict())
    assert list(after) == list(before) and all(T.equal(after[name], before[name]) for name in before)
    assert not hasattr(layer, "part")


@BOTH
def test_a_hook_may_remove_itself(T, registry):
    seen = []

    def once(module, name, value):
        seen.append(name)
        handle.remove()

    handle = registry.register_module_parameter_registration_hook(once)
    T.nn.Linear(1, 1)
    assert seen == ["weight"]
