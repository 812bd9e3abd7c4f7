"""What a function reads of containers of every kind, of functions and classes, and by way of others."""

import array
import collections
import contextvars
import copyreg
import dataclasses
import functools
import io
import itertools
import operator
import os
import random
import statistics
import threading
import types
import weakref

import numpy as np
import pytest

import cnn_physics77 as torch
import cnn_physics77.nn.functional as F
from cnn_physics77 import nn
from cnn_physics77.compile.capture import walk
from cnn_physics77.compile.capture.places import MOST_ITEMS
from tests.compile.modules import same

X = torch.linspace(-1.0, 2.0, 6, dtype=torch.float64)
SCALE = 2.0
LEVEL = [1.0]


class Dictionary(dict):
    """One whose keys are its attributes."""

    __getattr__ = dict.__getitem__


class List(list):
    pass


class Plain:
    scale = 2.0

    def scaled(self, x):
        return x * self.scale


class Derived(Plain):
    pass


class Act(nn.Module):
    def forward(self, x):
        return x.tanh()


def within(value, depth):
    return within([value], depth - 1) if depth else value


def set_level(value):
    LEVEL[0] = value


def innermost(value):
    return innermost(value[0]) if type(value) is list else value


def in_itself():
    value = [2.0]
    value.append(value)
    return value


CONTAINERS = {
    "deque": (lambda: collections.deque([1.0, 2.0]), lambda v: v[0], lambda v: v.rotate(1)),
    "defaultdict": (
        lambda: collections.defaultdict(float, a=2.0),
        lambda v: v["a"],
        lambda v: v.update(a=3.0),
    ),
    "Counter": (lambda: collections.Counter(a=2), lambda v: v["a"], lambda v: v.update("a")),
    "order of an OrderedDict": (
        lambda: collections.OrderedDict(a=2.0, b=3.0),
        lambda v: next(iter(v.values())),
        lambda v: v.move_to_end("a"),
    ),
    "dict of a class": (lambda: Dictionary(a=2.0), lambda v: v.a, lambda v: v.update(a=3.0)),
    "list of a class": (lambda: List([2.0]), lambda v: v[0], lambda v: v.__setitem__(0, 3.0)),
    "long list": (lambda: [2.0] * 500, lambda v: v[400], lambda v: v.__setitem__(400, 3.0)),
    "long dict": (
        lambda: dict.fromkeys(range(500), 2.0),
        lambda v: v[400],
        lambda v: v.__setitem__(400, 3.0),
    ),
    "list in lists": (
        lambda: within(2.0, 9),
        innermost,
        lambda v: v[0][0][0][0][0][0][0][0].__setitem__(0, 3.0),
    ),
    "list in itself": (in_itself, lambda v: v[0], lambda v: v.__setitem__(0, 3.0)),
    "array": (lambda: array.array("d", [2.0]), lambda v: v[0], lambda v: v.__setitem__(0, 3.0)),
    "bytes": (lambda: bytearray(b"a"), lambda v: v[0], lambda v: v.__setitem__(0, 3)),
    "view of a dict": (
        lambda: (d := {"a": 2.0}, d.values()),
        lambda v: next(iter(v[1])),
        lambda v: v[0].update(a=3.0),
    ),
    "proxy of a dict": (
        lambda: (d := {"a": 2.0}, types.MappingProxyType(d)),
        lambda v: v[1]["a"],
        lambda v: v[0].update(a=3.0),
    ),
    "method of a dict": (
        lambda: (d := {"a": 2.0}, d.get),
        lambda v: v[1]("a"),
        lambda v: v[0].update(a=3.0),
    ),
    "memory of another": (
        lambda: memoryview(bytearray(b"a")),
        lambda v: v[0],
        lambda v: v.__setitem__(0, 3),
    ),
    "polynomial": (
        lambda: np.polynomial.Polynomial([1.0, 2.0]),
        lambda v: float(v(3.0)),
        lambda v: v.coef.__setitem__(0, 5.0),
    ),
    "function made a ufunc": (
        lambda: (set_level(2.0), np.frompyfunc(lambda x: x * LEVEL[0], 1, 1))[1],
        lambda v: float(v(2.0)),
        lambda v: set_level(3.0),
    ),
    "function made a key": (
        lambda: (set_level(1.0), functools.cmp_to_key(lambda a, b: (a - b) * LEVEL[0]))[1],
        lambda v: sorted([1, 2, 3], key=v)[0],
        lambda v: set_level(-1.0),
    ),
    "weak proxy": (
        lambda: (p := Plain(), weakref.proxy(p)),
        lambda v: v[1].scale,
        lambda v: setattr(v[0], "scale", 3.0),
    ),
    "text of a class": (
        lambda: type("Text", (str,), {})("a"),
        lambda v: getattr(v, "scale", 2.0),
        lambda v: setattr(v, "scale", 3.0),
    ),
    "file of a class": (
        lambda: type("File", (io.StringIO,), {})(),
        lambda v: getattr(v, "scale", 2.0),
        lambda v: setattr(v, "scale", 3.0),
    ),
    "property of a getter": (
        lambda: type("Kind", (), {"shown": property(operator.attrgetter("hidden")), "hidden": 2.0})(),
        lambda v: v.shown,
        lambda v: setattr(v, "hidden", 3.0),
    ),
    "property of a partial": (
        lambda: type(
            "Kind", (), {"shown": property(functools.partial(lambda _, o: o.kept, 1)), "kept": 2.0}
        )(),
        lambda v: v.shown,
        lambda v: setattr(v, "kept", 3.0),
    ),
    "method that is remembered": (
        lambda: type("Kind", (), {"shown": functools.lru_cache(lambda o: LEVEL[0] * o.kept), "kept": 2.0})(),
        lambda v: type(v).shown.__wrapped__(v),
        lambda v: setattr(v, "kept", 3.0),
    ),
    "variable of a thread": (
        lambda: [v := threading.local(), setattr(v, "scale", 2.0)][0],
        lambda v: v.scale,
        lambda v: setattr(v, "scale", 3.0),
    ),
    "item of a class": (
        lambda: (set_level(2.0), type("Kind", (), {"__class_getitem__": lambda kind, i: LEVEL[0]}))[1],
        lambda v: v[1],
        lambda v: set_level(3.0),
    ),
    "method that is an object": (
        lambda: (p := Plain(), types.MethodType(functools.partial(lambda self: self.scale), p)),
        lambda v: v[1](),
        lambda v: setattr(v[0], "scale", 3.0),
    ),
    "named tuple": (
        lambda: collections.namedtuple("Pair", "a b")([2.0], 1.0),
        lambda v: v.a[0],
        lambda v: v.a.__setitem__(0, 3.0),
    ),
    "partial's keywords": (
        lambda: functools.partial(lambda scale=1.0: scale, scale=2.0),
        lambda v: v(),
        lambda v: v.keywords.update(scale=3.0),
    ),
    "weak reference": (
        lambda: (p := Plain(), weakref.ref(p)),
        lambda v: v[1]().scale,
        lambda v: setattr(v[0], "scale", 3.0),
    ),
    "variable of a context": (
        lambda: contextvars.ContextVar("scale", default=2.0),
        lambda v: v.get(),
        lambda v: v.set(3.0),
    ),
    "attribute of a function": (
        lambda: [f := lambda: f.scale, setattr(f, "scale", 2.0)][0],
        lambda v: v(),
        lambda v: setattr(v, "scale", 3.0),
    ),
    "default of a keyword": (
        lambda: lambda *, scale=2.0: scale,
        lambda v: v(),
        lambda v: v.__kwdefaults__.update(scale=3.0),
    ),
    "code of a function": (
        lambda: lambda: 2.0,
        lambda v: v(),
        lambda v: setattr(v, "__code__", (lambda: 3.0).__code__),
    ),
    "class of an object": (
        Plain,
        lambda v: v.scaled(1.0),
        lambda v: setattr(v, "__class__", type("Other", (Plain,), {"scale": 3.0})),
    ),
    "class before the one that has it": (
        lambda: Derived(),
        lambda v: v.scale,
        lambda v: setattr(Derived, "scale", 3.0),
    ),
    "the same of a class": (
        lambda: Derived,
        lambda v: v.scale,
        lambda v: setattr(Derived, "scale", 3.0),
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_what_is_read_of_any_object(name):
    make, read, change = CONTAINERS[name]
    value = make()
    before = read(value)
    compiled = torch.compile(lambda x: x * read(value), fullgraph=True)
    try:
        for call in range(12):
            if call == 6:
                change(value)
            same(compiled(X * call), X * call * (before if call < 6 else read(value)))
        assert len(compiled.captures()) == 2 and read(value) != before
    finally:
        vars(Derived).get("scale") and delattr(Derived, "scale")


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (Act, "forward", lambda self, x: x * 2),
        (nn.Tanh, "forward", lambda self, x: x * 2),
        (F, "relu", lambda x: x * 2),
        (torch.Tensor, "sin", lambda x: x * 2),
    ],
)
def test_functions_that_are_replaced(monkeypatch, owner, name, value):
    network = nn.Sequential(nn.Tanh(), Act())

    def function(x):
        return F.relu(network(x).sin())

    compiled = torch.compile(function, fullgraph=True)
    for call in range(12):
        if call == 5:
            monkeypatch.setattr(owner, name, value)
        if call == 9:
            monkeypatch.undo()
        same(compiled(X * call), function(X * call))
    assert len(compiled.captures()) == 2


def test_a_module_of_another_class():
    network = nn.Sequential(nn.Tanh())
    compiled = torch.compile(lambda x: network(x), fullgraph=True)
    for call in range(12):
        if call == 6:
            network[0].__class__ = nn.Sigmoid
        same(compiled(X * call), network(X * call))
    assert len(compiled.captures()) == 2


@pytest.mark.parametrize(
    ("argument", "read", "change"),
    [
        (collections.deque([1.0, 2.0]), lambda a: a[0], lambda a: a.rotate(1)),
        (
            collections.OrderedDict(a=1.0, b=2.0),
            lambda a: next(iter(a.values())),
            lambda a: a.move_to_end("a"),
        ),
        (np.array([1.0]), lambda a: float(a[0]), lambda a: a.fill(2.0)),
    ],
)
def test_arguments_that_are_no_tensors(argument, read, change):
    compiled = torch.compile(lambda x, argument: x * read(argument), fullgraph=True)
    for call in range(12):
        if call == 6:
            change(argument)
        same(compiled(X, argument), X * read(argument))
    assert len(compiled.captures()) == 2


def test_a_step_of_an_optimizer_that_is_replaced(monkeypatch):
    layer = nn.Linear(6, 1).double()
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)

    @torch.compile(fullgraph=True)
    def step(x):
        layer(x).sum().backward()
        optimizer.step()

    for owner in (optimizer, torch.optim.SGD):
        for _ in range(4):
            step(X)
        before = layer.bias.item()
        with monkeypatch.context() as replaced:
            replaced.setattr(owner, "step", lambda *_: None)
            step(X)
        assert layer.bias.item() == before


def test_functions_that_wrap_those_of_python():
    @functools.wraps(statistics.mean)
    def scaled(x):
        return x * SCALE

    compiled = torch.compile(lambda x: scaled(x), fullgraph=True)
    try:
        for call in range(12):
            globals()["SCALE"] = 2.0 if call < 6 else 3.0
            same(compiled(X), X * SCALE)
    finally:
        globals()["SCALE"] = 2.0


def test_what_hooks_read():
    """Of leaves, modules and optimizers."""
    worlds = []
    for compiled in (False, True):
        torch.manual_seed(0)
        layer, factor, tenth = nn.Linear(3, 1).double(), [0.5], [0.1]
        optimizer = torch.optim.SGD(layer.parameters(), 0.1)
        layer.weight.register_post_accumulate_grad_hook(lambda p, factor=factor: p.grad.mul_(factor[0]))
        layer.register_forward_hook(lambda module, args, output, factor=factor: output * factor[0])
        optimizer.register_step_post_hook(
            lambda *_, bias=layer.bias, tenth=tenth: bias.detach().mul_(tenth[0])
        )

        def step(x, layer=layer, optimizer=optimizer):
            optimizer.zero_grad()
            loss = layer(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        step, losses = torch.compile(step, fullgraph=True) if compiled else step, []
        for call in range(18):
            factor[0] = 0.5 if call < 6 else 2.0
            tenth[0] = 0.1 if call < 12 else 0.3
            losses.append(step(X.reshape(2, 3)).item())
        worlds.append([*losses, *layer.weight.detach().flatten(), *layer.bias.detach()])
    np.testing.assert_allclose(*worlds, rtol=1e-12)
    assert len(step.captures()) == 3


class Draws(nn.Module):
    def __init__(self, source, draw):
        super().__init__()
        self.source, self.draw = source, draw

    def forward(self, x):
        return x * self.draw(self.source)


@pytest.mark.parametrize(
    ("source", "draw", "why"),
    [
        (itertools.count(2), next, "it reads a count, which goes on"),
        (iter([2.0] * 9), next, "it reads a list_iterator, which goes on"),
        ((2.0 for _ in range(9)), next, "it reads a generator, which goes on"),
        (random.Random(0), lambda r: r.choice([2.0]), "random numbers of Python's"),
        (np.full(200_000, 2.0), lambda a: a[0], "an array of NumPy of shape"),
        ([2.0] * (MOST_ITEMS + 1), lambda v: v[0], f"it reads {MOST_ITEMS + 1} or more items"),
    ],
)
@pytest.mark.parametrize("in_module", [False, True])
def test_what_is_refused(source, draw, why, in_module):
    """Also where a module's forward reads it."""
    if in_module:
        module = Draws(source, draw)
        compiled = torch.compile(lambda x: module(x))
    else:
        compiled = torch.compile(lambda x: x * draw(source))
    compiled(X)
    with pytest.warns(RuntimeWarning, match=why):
        compiled(X)
    compiled(X)
    assert not compiled.captures()


def test_what_is_not_refused():
    """Files, and variables of the process."""
    file, box = io.StringIO(), dataclasses.make_dataclass("Box", [("scale", float)])(2.0)

    def function(x):
        file.write("called\n")
        return x * float(os.environ["SCALE"]) * dataclasses.asdict(box)["scale"]

    compiled = torch.compile(function, fullgraph=True)
    before = os.environ.get("SCALE")
    try:
        for call in range(12):
            os.environ["SCALE"] = "2" if call < 6 else "3"
            same(compiled(X), X * float(os.environ["SCALE"]) * 2)
    finally:
        os.environ.pop("SCALE") if before is None else os.environ.update(SCALE=before)
    assert len(compiled.captures()) == 2 and file.getvalue() == "called\n" * 5


class Fails:
    __slots__ = ("scale",)

    def __getattr__(self, name):
        raise KeyError(name)


def test_an_object_that_fails_where_it_is_asked():
    fails = Fails()
    compiled = torch.compile(lambda x: x * 2 if fails is None else x * getattr(Fails, "late", 3.0))
    for call in range(6):
        same(compiled(X * call), X * call * 3)
    assert len(compiled.captures()) == 1


def test_a_generator_of_all_that_is_not_drawn_from():
    compiled = torch.compile(lambda x, draw=random.random: x * 2 if draw else x, fullgraph=True)
    for call in range(4):
        same(compiled(X * call), X * call * 2)
    assert len(compiled.captures()) == 1


def test_what_pythons_own_modules_hold_is_not_looked_into():
    """How copy copies a type that is not here may lead to all that the process has."""

    class Unused:
        pass

    asked = []

    def reduce(value):
        return asked[0]

    copyreg.pickle(Unused, reduce)
    try:
        box = dataclasses.make_dataclass("Box", [("scale", float)])(2.0)
        compiled = torch.compile(lambda x: x * dataclasses.asdict(box)["scale"], fullgraph=True)
        for _ in range(3):
            compiled(X)
        asked.append(1)
        compiled(X)
        assert len(compiled.captures()) == 1
    finally:
        del copyreg.dispatch_table[Unused]


def test_more_than_can_be_looked_at_is_refused(monkeypatch):
    monkeypatch.setattr(walk, "MOST_LOOKS", 50)
    chain = None
    for _ in range(100):
        chain = types.SimpleNamespace(next=chain, scale=1.0)
    compiled = torch.compile(lambda x: x * chain.next.scale)
    compiled(X)
    with pytest.warns(RuntimeWarning, match="it can reach more than 50 objects"):
        compiled(X)
    assert not compiled.captures()
