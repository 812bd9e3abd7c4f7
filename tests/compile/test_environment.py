"""What a function reads besides the values of its arguments, and what it changes besides its results."""

import copy
import functools
import operator
import random
import statistics
import sys
import types

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77 import nn


class Slots:
    __slots__ = ("scale",)

    def __init__(self):
        self.scale = 2.0


class MadeUp:
    """It has every attribute that it is asked for."""

    def __init__(self):
        self.scale = 2.0

    def __getattr__(self, name):
        raise KeyError(name)


class Box:
    """Code that uses it names nothing of what it reads."""

    def __init__(self):
        self.hidden = 2.0

    def __getitem__(self, place):
        return self.hidden

    def __bool__(self):
        return self.hidden > 2

    def __iter__(self):
        yield self.hidden

    def __enter__(self):
        return self.hidden

    def __exit__(self, *exception):
        pass


class Reader:
    """A descriptor."""

    def __get__(self, owner, kind=None):
        return owner.hidden


class Described(Box):
    scale = Reader()


LEVEL = [2.0]


class Made:
    """Made anew by each call."""

    def __init__(self):
        self.scale = LEVEL[0]


class Delegating(nn.Module):
    """Has what its part has."""

    def __init__(self):
        super().__init__()
        self.part = nn.Linear(1, 1)
        self.part.scale = 2.0

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.part, name)


class Parts(nn.Module):
    """Containers and layers that are not called themselves."""

    def __init__(self):
        super().__init__()
        self.several = nn.ModuleList([nn.Identity(), nn.ReLU()])
        self.named = nn.ModuleDict({"one": nn.Identity()})
        self.numbers = nn.ParameterList([torch.ones(1)])
        self.layer = nn.Linear(1, 1)

    def forward(self, x):
        for part in self.several:
            x = part(x)
        return self.named["one"](x) * self.numbers[0] * self.layer.in_features


def _plain_scaled(x):
    return x * 2


def _plain():
    return types.SimpleNamespace(hidden=2.0)


def _within(x, box):
    with box as scale:
        return x * scale


def _change_hidden(box):
    box.hidden += 1.0


PARTS = {
    "an item of a list": lambda m: m.several.__setitem__(0, nn.Tanh()),
    "a longer list": lambda m: m.several.append(nn.Tanh()),
    "an item of a dictionary": lambda m: m.named.update({"one": nn.Tanh()}),
    "a parameter of a list": lambda m: m.numbers.__setitem__(0, torch.full((1,), 3.0)),
    "a number of a layer": lambda m: setattr(m.layer, "in_features", m.layer.in_features + 1),
}


class Configured(nn.Module):
    def __init__(self):
        super().__init__()
        self.config = types.SimpleNamespace(scale=2.0)

    def act(self, x):
        return x * self.config.scale

    def forward(self, x):
        return self.act(x)


class Holder(nn.Module):
    """Called by nobody: functions use what it has."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.full((3,), 2.0))
        self.register_buffer("shift", torch.zeros(3))
        self.inner = nn.Linear(3, 3)


def _set_in(kind, name, value):
    def change(module):
        vars(module)[kind][name] = value()

    return change


def _replace(kind, name, value):
    def change(module):
        setattr(module, kind, getattr(module, kind) | {name: value()})

    return change


def _hooked():
    layer = nn.Linear(3, 3)
    layer.register_forward_hook(lambda module, args, y: y * 2)
    return layer


def _add_hook(layer):
    layer.register_forward_pre_hook(lambda module, args: (args[0] + 1,))


class WithParts(nn.Module):
    """Called by nobody, and walked through."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(1, 1)
        self.inner.scale = nn.Linear(1, 1)
        self.register_buffer("shift", torch.ones(1))


WALKS = {
    "parameters": lambda m: sum((p * p).sum() for p in m.parameters()),
    "named parameters": lambda m: sum((p * p).sum() for _, p in m.named_parameters()),
    "children": lambda m: sum((part.weight * part.weight).sum() for part in m.children()),
    "a state_dict": lambda m: sum((p * p).sum() for p in m.state_dict().values()),
}
REPLACED = {
    "parameter": lambda m: setattr(m.inner, "weight", nn.Parameter(m.inner.weight.detach() + 2)),
    "part": lambda m: setattr(m, "inner", nn.Linear(1, 1)),
    "part more": lambda m: m.add_module(f"part{len(m._modules)}", nn.Linear(1, 1)),
}


def _replaced(replace):
    """What is replaced stays alive: that it is gone would be noticed."""

    def change(module, kept=[]):  # noqa: B006
        kept += [module.inner, *module.parameters()]
        replace(module)

    return change


def _late_or_one(thing):
    try:
        return thing.late
    except AttributeError:
        return 1.0


def _reverse(table):
    for name in reversed(list(table)):
        table[name] = table.pop(name)


def _in_order(table, x):
    for scale, shift in table.values():
        x = x * scale + shift
    return x


def _decorator(copied):
    """A decorator whose function reads more than what it calls, and says to be what ``copied`` is."""

    def decorate(function):
        def with_level(*args):
            return function(*args) * LEVEL[0]

        return functools.update_wrapper(with_level, copied)

    return decorate


def _raise_level(_):
    LEVEL[0] += 1


KINDS = {
    **{
        f"{walk}, one {what}": (
            WithParts,
            lambda m, x, walk=walk: x * WALKS[walk](m),
            _replaced(REPLACED[what]),
        )
        for walk in WALKS
        for what in REPLACED
    },
    "an attribute of a computed name": (
        _plain,
        lambda o, x: x * getattr(o, "".join(["hid", "den"])),
        _change_hidden,
    ),
    "an attribute that was lacking": (
        _plain,
        lambda o, x: x * _late_or_one(o),
        lambda o: setattr(o, "late", 3.0),
    ),
    "an attribute that a class was lacking": (
        lambda: type("Kind", (), {})(),
        lambda o, x: x * getattr(o, "late", 1.0),
        lambda o: setattr(type(o), "late", 3.0),
    ),
    "a buffer that was lacking": (
        WithParts,
        lambda m, x: x * m.late if hasattr(m, "late") else x,
        lambda m: m.register_buffer("late", torch.full((1,), 3.0)),
    ),
    "a variable that was lacking": (
        lambda: None,
        lambda _, x: x * max(2.0, 3.0),
        lambda _: globals().update(max=min),
    ),
    "all attributes": (_plain, lambda o, x: x * sum(vars(o).values()), _change_hidden),
    "the order of a dictionary": (lambda: {"a": (2.0, 1.0), "b": (3.0, 5.0)}, _in_order, _reverse),
    "an array of NumPy in a list": (
        lambda: [np.ones(3)],
        lambda a, x: x * float(a[0][1]),
        lambda a: a[0].fill(2),
    ),
    **{
        f"what a decorator reads, as {copied.__name__}": (
            lambda copied=copied: _decorator(copied)(_plain_scaled),
            lambda decorated, x: decorated(x),
            _raise_level,
        )
        for copied in (_plain_scaled, statistics.mean, torch.relu, np.sum)
    },
    "a set": (lambda: {1}, lambda s, x: x * (2 if 3 in s else 1), lambda s: s.add(3)),
    "an array of NumPy": (lambda: np.ones(3), lambda a, x: x * torch.from_numpy(a), lambda a: a.fill(2)),
    "a number of such an array": (lambda: np.ones(3), lambda a, x: x * float(a[1]), lambda a: a.fill(2)),
    "slots": (Slots, lambda o, x: x * o.scale, lambda o: setattr(o, "scale", 3.0)),
    "an object that makes up attributes": (
        MadeUp,
        lambda o, x: x * o.scale,
        lambda o: setattr(o, "scale", 3.0),
    ),
    "a module's configuration": (Configured, lambda m, x: m(x), lambda m: setattr(m.config, "scale", 3.0)),
    "a module's method": (Configured, lambda m, x: m(x), lambda m: setattr(m, "act", lambda x: x * 5)),
    "a parameter of a called module": (
        lambda: nn.Linear(3, 3),
        lambda m, x: m(x),
        _set_in("_parameters", "bias", lambda: None),
    ),
    "a called module's dictionary": (
        lambda: nn.Linear(3, 3),
        lambda m, x: m(x),
        _replace("_parameters", "bias", lambda: nn.Parameter(torch.ones(3))),
    ),
    "a parameter": (
        Holder,
        lambda m, x: x * m.scale,
        _set_in("_parameters", "scale", lambda: nn.Parameter(torch.ones(3))),
    ),
    "a buffer": (Holder, lambda m, x: x + m.shift, _replace("_buffers", "shift", lambda: torch.ones(3))),
    "a submodule": (Holder, lambda m, x: m.inner(x), _set_in("_modules", "inner", nn.Identity)),
    "a submodule, by another dictionary": (
        Holder,
        lambda m, x: m.inner(x),
        _replace("_modules", "inner", nn.Identity),
    ),
    "an item": (Box, lambda o, x: x * o[0], _change_hidden),
    "the truth of an object": (Box, lambda o, x: x * 3 if o else x, _change_hidden),
    "an iteration": (Box, lambda o, x: x * sum(o), _change_hidden),
    "a context": (Box, lambda o, x: _within(x, o), _change_hidden),
    "a text": (_plain, lambda o, x: x * vars(o)["hidden"], _change_hidden),
    "another text": (_plain, lambda o, x: x * operator.attrgetter("hidden")(o), _change_hidden),
    "an attribute that is there": (
        _plain,
        lambda o, x: x * 3 if hasattr(o, "hidden") else x,
        lambda o: vars(o).clear(),
    ),
    "attributes of a tuple of texts": (
        _plain,
        lambda o, x: x * sum(getattr(o, name) for name in ("hidden", "hidden")),
        _change_hidden,
    ),
    "an attribute of a base": (
        lambda: type("Derived", (type("Base", (), {"scale": 2.0}),), {}),
        lambda kind, x: x * kind.scale,
        lambda kind: setattr(kind.__base__, "scale", 3.0),
    ),
    "an attribute that was not there": (
        _plain,
        lambda o, x: x * getattr(o, "late", 1.0),
        lambda o: setattr(o, "late", 3.0),
    ),
    "a descriptor": (Described, lambda o, x: x * o.scale, _change_hidden),
    "what an object is made of": (
        lambda: None,
        lambda _, x: x * Made().scale,
        lambda _: LEVEL.__setitem__(0, LEVEL[0] + 1),
    ),
    "an attribute that another object has": (
        Delegating,
        lambda m, x: x * m.scale,
        lambda m: setattr(m.part, "scale", 3.0),
    ),
    **{f"{what}, called": (Parts, lambda m, x: m(x), change) for what, change in PARTS.items()},
    **{f"{what}, not called": (Parts, Parts.forward, change) for what, change in PARTS.items()},
    "the mode of a layer": (
        lambda: nn.Linear(1, 1),
        lambda m, x: x * 2 if m.training else x,
        lambda m: m.train(not m.training),
    ),
    "one more hook": (_hooked, lambda m, x: m(x), _add_hook),
    "a gradient": (
        lambda: torch.ones(3, requires_grad=True),
        lambda w, x: x if w.grad is None else x * w.grad,
        lambda w: setattr(w, "grad", torch.full((3,), 2.0)),
    ),
    "the sign of zero": (lambda: [0.0], lambda z, x: x / z[0], lambda z: z.__setitem__(0, -0.0)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_changes_between_calls(kind):
    make, function, change = KINDS[kind]
    torch.manual_seed(0)
    thing = make()
    compiled = torch.compile(lambda x: function(thing, x))
    for _ in range(2):
        for call in range(4):
            x = torch.arange(1.0, 4.0) + call
            np.testing.assert_array_equal(compiled(x).detach(), function(thing, x).detach())
        change(thing)
    globals().pop("max", None)


def test_attributes_of_an_argument():
    compiled, settings = torch.compile(lambda x, s: x * s.scale), types.SimpleNamespace(scale=2.0)
    for scale in (2.0, 3.0):
        settings.scale = scale
        for _ in range(4):
            assert compiled(torch.ones(1), settings).item() == scale


def test_numbers_among_the_arguments_that_only_their_sign_tells_apart():
    compiled = torch.compile(lambda x, scale: x / scale)
    for _ in range(4):
        assert compiled(torch.ones(1), 0.0).item() == np.inf
        assert compiled(torch.ones(1), -0.0).item() == -np.inf


def _append(values):
    values.append(values[0] * 2)


def _enter(batch):
    batch["y"] = batch["x"] * 2


def _replace(values):
    values[0] = values[0] * 2


@pytest.mark.parametrize(
    ("function", "argument"),
    [(_append, [torch.ones(2)]), (_enter, {"x": torch.ones(2)}), (_replace, [torch.ones(2)])],
)
def test_containers_that_the_function_changes(function, argument):
    compiled = torch.compile(function)
    expected = copy.deepcopy(argument)
    function(expected)
    with pytest.warns(RuntimeWarning, match="it changes a list or dict among its arguments"):
        for _ in range(5):
            given = copy.deepcopy(argument)
            compiled(given)
            assert str(given) == str(expected)


@pytest.mark.parametrize(
    ("seed", "draw"),
    [(random.seed, random.random), (np.random.seed, np.random.rand)],
    ids=["Python", "NumPy"],
)
def test_random_numbers_that_are_not_of_the_package(seed, draw):
    """A layer that is left out at random would be left out at all replays, or at none."""
    state = random.getstate(), np.random.get_state()  # noqa: NPY002
    compiled = torch.compile(lambda x: x * 2 if draw() < 0.1 else x)
    seed(0)
    with pytest.warns(RuntimeWarning, match="random numbers of Python's or NumPy's"):
        found = [compiled(torch.ones(1)).item() for _ in range(60)]
    seed(0)
    assert found == [2.0 if draw() < 0.1 else 1.0 for _ in range(60)]
    random.setstate(state[0])
    np.random.set_state(state[1])  # noqa: NPY002


def test_a_large_array_of_numpy_is_not_compared_at_each_call():
    data = np.zeros((1000, 1000))
    compiled = torch.compile(lambda x: x + float(data[0, 0]))
    with pytest.warns(RuntimeWarning, match=r"array of NumPy of shape \(1000, 1000\)"):
        for value in range(5):
            data[0, 0] = value
            assert compiled(torch.zeros(1)).item() == value


def test_within_vmap():
    compiled = torch.compile(lambda x: (x * 2).sum())
    for value in range(5):
        found = torch.vmap(compiled)(torch.full((3, 2), float(value)))
        np.testing.assert_array_equal(found, np.full(3, 4.0 * value))


def test_a_long_chain_of_objects():
    """Longer than Python's calls may be nested."""
    chain = types.SimpleNamespace(next=None, scale=1.0)
    for _ in range(2 * sys.getrecursionlimit()):
        chain = types.SimpleNamespace(next=chain, scale=1.0)
    compiled = torch.compile(lambda x: x * chain.scale * chain.next.scale)
    for scale in (1.0, 3.0):
        chain.next.scale = scale
        for _ in range(4):
            assert compiled(torch.ones(2)).tolist() == [scale, scale]
    while chain is not None:  # its end would be nested too deeply
        chain = chain.next
