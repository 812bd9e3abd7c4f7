"""``_parameters``, ``_buffers``, ``_modules`` and the dictionaries of hooks, used as in PyTorch."""

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
        [[n for n in sorted(vars(m)) if "hook" not in n] for m in made.modules()],
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


def clear(module, made):
    made[1]._buffers.clear()
    made[2]._parameters.clear()
    assert not hasattr(made[1], "running_mean")


def two_kinds_of_one_name(module, made):
    made[0]._modules["bias"] = module.nn.Identity()
    made[0]._buffers["0"] = made[0]._buffers["bias"] = module.zeros(1)
    assert made[0].bias is made[0]._parameters["bias"]
    del made[0].bias
    assert made[0].bias is made[0]._buffers["bias"]


def other_dictionaries(module, made):
    """As the library ``higher`` does."""
    made[0]._parameters = OrderedDict((name, made[0]._parameters[name] * 2) for name in ("bias", "weight"))
    made._modules = OrderedDict(reversed(made._modules.items()))
    made[1].__dict__["_buffers"] = {"running_var": module.ones(3)}
    assert type(made[2]._parameters) is OrderedDict


def change_what_is_saved(module, made):
    made[1]._non_persistent_buffers_set.add("running_mean")
    made[1].running_mean = module.ones(3)  # stays as it was
    made[1]._non_persistent_buffers_set.add("none")
    made[1].register_buffer("late", module.ones(3), persistent=False)
    made[1]._non_persistent_buffers_set.discard("late")


def hide_by_an_attribute(module, made):
    """As wrappers do that compute a weight."""
    object.__setattr__(made[0], "weight", module.zeros(3, 2))
    assert made[0].weight.sum() == 0 and "weight" in vars(made[0])
    vars(made[2])["weight"] = 3
    del made[2].weight
    assert made[2].weight == 3


def share_with_a_copy(module, made):
    copied = copy.copy(made[0])
    copied.bias = None
    copied.extra = module.nn.Parameter(module.ones(2))
    copied.text = "not shared"
    assert made[0].bias is None and made[0].extra is copied.extra and not hasattr(made[0], "text")


def make_without_init(module, made):
    """As ``torch.nn.parallel.replicate`` does."""
    replica = module.nn.BatchNorm1d.__new__(module.nn.BatchNorm1d)
    replica.__dict__.update(made[1].__dict__)
    replica._buffers = replica._buffers.copy()
    replica.running_mean = None
    assert replica.weight is made[1].weight and made[1].running_mean is not None
    made[1] = replica


def unpickle(module, made):
    made[0] = pickle.loads(pickle.dumps(made[0]))
    made[0]._parameters["bias"] = module.ones(3)
    made[1].__setstate__({"_parameters": {"weight": made[1].weight}, "_modules": {}})


def delegate(module, made):
    class Scaled(module.nn.Linear):
        """Keeps one parameter under another name, and has what its buffer has."""

        def __setattr__(self, name, value):
            super().__setattr__("inner" if name == "weight" else name, value)

        def __getattr__(self, name):
            try:
                return super().__getattr__("inner" if name == "weight" else name)
            except AttributeError:
                return getattr(super().__getattr__("scale"), name)

    made[0] = Scaled(2, 3)
    with pytest.raises(AttributeError, match="'Scaled' object has no attribute 'scale'"):
        _ = made[0].ndim
    made[0].register_buffer("scale", module.ones(2, 3, 4))
    assert made[0].ndim == 3 and made[0].weight is made[0].inner
    made[0] = module.nn.Linear(2, 3)


def add_in_a_wrong_way(module, made):
    """What no method checks."""
    made[0]._parameters[""] = module.nn.Parameter(module.ones(1))
    made[0]._parameters["a.b"] = module.nn.Parameter(module.ones(1))
    made[0]._buffers["scale"] = made[0].weight


CHANGES = [
    *(change_parameters, replace_by_a_result, change_buffers, change_modules, set_none, clear),
    *(two_kinds_of_one_name, other_dictionaries, change_what_is_saved, hide_by_an_attribute),
    *(share_with_a_copy, make_without_init, unpickle, delegate, add_in_a_wrong_way),
]


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
    "change",
    [change_parameters, replace_by_a_result, set_none, share_with_a_copy],
    ids=lambda change: change.__name__,
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


VALUES = {
    "nothing": None,
    "number": lambda module: 3,
    "tensor": lambda module: module.ones(1),
    "parameter": lambda module: module.nn.Parameter(module.ones(1)),
    "result": lambda module: module.ones(1, requires_grad=True) * 2,
    "none": lambda module: None,
    "buffer": lambda module: module.nn.Buffer(module.ones(1)),
    "passing": lambda module: module.nn.Buffer(module.ones(1), persistent=False),
    "module": lambda module: module.nn.Identity(),
}


def register_parameter(made, value):
    made.register_parameter("x", value)


def register_buffer(made, value):
    made.register_buffer("x", value)


def add_module(made, value):
    made.add_module("x", value)


def assign(made, value):
    made.x = value


def outcome(module, old, new, put):
    """What a module says, in PyTorch's words, and then has, whose ``x`` is replaced and deleted."""
    made, texts = module.nn.Module(), []
    for name, how in ((old, assign), (new, put)):
        try:
            if VALUES[name]:
                how(made, VALUES[name](module))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            texts.append(f"{type(error).__name__}: {error}".replace("cnn_physics77.", "torch."))
    texts.append([seen(made), made._non_persistent_buffers_set, "x" in dir(made)])
    try:
        del made.x
    except AttributeError:
        texts.append("nothing to delete")
    return [*texts, seen(made), made._non_persistent_buffers_set, hasattr(made, "x")]


@pytest.mark.needs_torch
@pytest.mark.parametrize("put", [assign, register_parameter, register_buffer, add_module])
@pytest.mark.parametrize("old", VALUES)
def test_each_kind_in_place_of_each_other(put, old):
    for new in VALUES:
        assert outcome(ours, old, new, put) == outcome(torch, old, new, put), new


@pytest.mark.needs_torch
@pytest.mark.parametrize("put", [assign, register_parameter, register_buffer, add_module])
def test_before_init(put):
    def text(module, name):
        made = module.nn.Module.__new__(module.nn.Module)
        try:
            put(made, VALUES[name](module))
            return f"{made.x} is an ordinary attribute"
        except (AttributeError, TypeError) as error:
            return f"{type(error).__name__}: {error}".replace("cnn_physics77.", "torch.")

    for name in ("number", "parameter", "buffer", "module"):
        if (put, name) != (add_module, "module"):  # PyTorch's text says that there is no _modules
            assert text(ours, name) == text(torch, name), name
    assert "before Module.__init__() call" in text(ours, {add_module: "module"}.get(put, "parameter"))


@BOTH
def test_a_name_that_is_lacking(module):
    layer = module.nn.Linear(2, 1)
    with pytest.raises(AttributeError, match=r"^'Linear' object has no attribute 'wieght'$") as caught:
        _ = layer.wieght
    assert (caught.value.name, caught.value.obj) == ("wieght", layer)  # from which Python suggests another
    with pytest.raises(AttributeError, match="wieght"):
        del layer.wieght
    assert {"weight", "bias", "forward"} <= set(dir(layer)) and "0" not in dir(module.nn.Sequential(layer))


@BOTH
def test_attributes_of_the_class_come_first(module):
    class Fixed(module.nn.Module):
        bias = None

        @property
        def weight(self):
            return 3

    made = Fixed()
    for name in ("bias", "weight"):
        with pytest.raises(KeyError, match=f"attribute '{name}' already exists"):
            setattr(made, name, module.nn.Parameter(module.ones(1)))
    made._parameters["weight"] = module.nn.Parameter(module.ones(1))
    made.bias = module.nn.Identity()  # PyTorch does not look
    assert made.weight == 3 and made.bias is None and len(list(made.children())) == 1


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


@BOTH
def test_hooks_of_a_copy(module):
    layer, called = module.nn.Identity(), []
    layer.register_forward_hook(lambda *_: called.append("after"))
    layer.register_forward_pre_hook(lambda *_: called.append("before"))
    copied = copy.copy(layer)
    copied._forward_hooks = OrderedDict()
    copied._forward_pre_hooks.clear()  # shared
    copied(1)
    assert not called
    layer(1)
    assert called == ["after"]


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


@pytest.mark.parametrize("t", [ours, pytest.param(torch, marks=pytest.mark.needs_torch)])
def test_classes_of_parameters_with_arguments_of_their_own(t):
    """As those of geoopt: the object is made by ``_make_subclass``, and ``__init__`` takes anything."""

    class OnManifold(t.Tensor):
        def __new__(cls, data, space="flat"):
            made = t.Tensor._make_subclass(cls, data, isinstance(data, t.nn.Parameter))
            made.space = space
            return made

    class Weight(OnManifold, t.nn.Parameter):
        def __new__(cls, data, space="flat"):
            return OnManifold.__new__(cls, t.nn.Parameter(data), space=space)

    data = t.zeros(2)
    weight, constant = Weight(data, space="sphere"), OnManifold(data)
    layer = t.nn.Module()
    layer.weight = weight
    data[0] = 3.0
    assert weight.tolist() == constant.tolist() == [3, 0] and weight.space == "sphere"
    assert weight.requires_grad and weight.is_leaf and not constant.requires_grad
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    (weight * weight).sum().backward()
    assert weight.grad.tolist() == [6, 0]
    with pytest.raises(TypeError):
        t.nn.Parameter(data, space="sphere")
    buffer = t.nn.Buffer(data, persistent=False)
    assert buffer.data_ptr() == data.data_ptr() and not buffer.persistent
