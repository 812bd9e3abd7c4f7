"""The ways by which a step reaches what it reads: methods, getters, texts, imports, functions of the package
that call those of the user's; attributes of modules and positions of generators that it changes itself."""

import operator
import sys
import types

import pytest

import cnn_physics77 as torch
from cnn_physics77 import nn
from tests.compile.modules import same

X = torch.linspace(-1.0, 2.0, 6, dtype=torch.float64)
SCALE = [2.0]
FACTOR = 2.0


class Methods:
    @staticmethod
    def static(x):
        return x * SCALE[0]

    @classmethod
    def of_class(cls, x):
        return x * SCALE[0]

    def ordinary(self, x):
        return x * SCALE[0]


class Meta(type):
    @property
    def scale(cls):
        return SCALE[0]


class Made(metaclass=Meta):
    pass


class Scales(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * SCALE[0]

    @staticmethod
    def backward(ctx, g):
        return g * SCALE[0]


@torch.library.custom_op("ways::scaled", mutates_args=())
def scaled(x: torch.Tensor) -> torch.Tensor:
    return x * SCALE[0]


ITEM = operator.attrgetter("scale.first")
CALL = operator.methodcaller("ordinary", X)
BOX = types.SimpleNamespace(scale=types.SimpleNamespace(first=2.0))
MAPPED = torch.vmap(lambda x: x * SCALE[0])
DIFFERENTIATED = torch.func.grad(lambda x: (x * SCALE[0]).square().sum())


def imports(x):
    import settings_of_ways

    return x * settings_of_ways.scale


def imports_a_name(x):
    from settings_of_ways import scale

    return x * scale


WAYS = {
    "static method": lambda x: Methods.static(x),
    "static method of an object": lambda x: Methods().static(x),
    "class method": lambda x: Methods.of_class(x),
    "metaclass": lambda x: x * Made.scale,
    "getter": lambda x: x * ITEM(BOX),
    "caller": lambda x: CALL(Methods()) + x,
    "globals": lambda x: x * globals()["FACTOR"],
    "eval": lambda x: x * eval("FACTOR + 1"),
    "import": imports,
    "import of a name": imports_a_name,
    "vmap": lambda x: MAPPED(x),
    "grad": lambda x: DIFFERENTIATED(x),
    "Function": lambda x: Scales.apply(x),
    "bound Function": lambda x, apply=Scales.apply: apply(x),
    "operation of the user's": lambda x: scaled(x),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_reached(way, monkeypatch):
    function = WAYS[way]
    settings = types.ModuleType("settings_of_ways")
    monkeypatch.setitem(sys.modules, "settings_of_ways", settings)

    def set_to(scale):
        SCALE[0] = BOX.scale.first = settings.scale = scale
        globals()["FACTOR"] = scale

    compiled = torch.compile(function, fullgraph=True)
    try:
        for call in range(12):
            set_to(2.0 if call < 6 else 3.0)
            same(compiled(X * call), function(X * call))
    finally:
        set_to(2.0)
    assert len(compiled.captures()) == 2


@pytest.mark.parametrize(
    ("read", "change", "back"),
    [
        (
            lambda: torch.are_deterministic_algorithms_enabled(),
            lambda: torch.use_deterministic_algorithms(True),
            lambda: torch.use_deterministic_algorithms(False),
        ),
        (
            lambda: torch.get_float32_matmul_precision() == "high",
            lambda: torch.set_float32_matmul_precision("high"),
            lambda: torch.set_float32_matmul_precision("highest"),
        ),
        (
            lambda: torch.is_anomaly_enabled(),
            lambda: torch.autograd.set_detect_anomaly(True),
            lambda: torch.autograd.set_detect_anomaly(False),
        ),
    ],
)
def test_settings_of_the_package(read, change, back):
    compiled = torch.compile(lambda x: x * (3.0 if read() else 2.0), fullgraph=True)
    try:
        for call in range(12):
            if call == 6:
                change()
            same(compiled(X), X * (2.0 if call < 6 else 3.0))
    finally:
        back()
    assert len(compiled.captures()) == 2


class Masked(nn.Module):
    """Keeps a mask until the size changes."""

    def __init__(self):
        super().__init__()
        self.mask, self.masks = None, {}

    def forward(self, x):
        if self.mask is None or self.mask.shape != x.shape:
            self.mask = torch.ones_like(x) * 2
        if len(x) not in self.masks:
            self.masks[len(x)] = torch.ones_like(x)
        return x * self.mask + self.masks[len(x)]


def test_a_module_that_changes_its_attributes_at_times():
    eager, module = Masked(), Masked()
    compiled = torch.compile(lambda x: module(x), fullgraph=True)
    for call in range(24):
        x = X[: 3 + call // 4 % 2] * call
        if call == 15:
            module.masks.clear()
        same(compiled(x), eager(x))
    assert compiled.captures()


class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, x):
        self.count += 1
        return x * self.count


def test_a_module_that_changes_its_attributes_always():
    module = Counts()
    compiled = torch.compile(lambda x: module(x))
    with pytest.warns(RuntimeWarning, match="it changes 'count', an attribute of a module"):
        for call in range(8):
            same(compiled(X), X * (call + 1))


def seeds(x):
    torch.manual_seed(3)
    return x * torch.rand(6, dtype=torch.float64)


def seeds_only(x):
    torch.manual_seed(3)
    return x * 2


def goes_back(x):
    with torch.random.fork_rng():
        y = x * torch.rand(6, dtype=torch.float64)
    return y


def makes_one(x):
    return x * torch.rand(6, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("function", [seeds, seeds_only, goes_back, makes_one])
def test_a_generator_whose_position_is_set(function):
    compiled, found = torch.compile(function), []
    for called in (function, compiled):
        torch.manual_seed(0)
        if called is compiled:
            with pytest.warns(RuntimeWarning, match="it sets the seed or the state of a random generator"):
                found.append([(called(X), torch.rand(2)) for _ in range(5)])
        else:
            found.append([(called(X), torch.rand(2)) for _ in range(5)])
    for ours, expected in zip(found[1], found[0], strict=True):
        same(ours[0], expected[0])
        same(ours[1], expected[1])


def test_a_generator_that_goes_back_to_where_it_is():
    """As that of a checkpoint of what draws nothing."""
    layer = nn.Linear(6, 6).double()

    @torch.compile(fullgraph=True)
    def step(x):
        layer.zero_grad()
        torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=False).sum().backward()

    for _ in range(5):
        step(X)
    same(layer.weight.grad, X.expand(6, 6))
    assert step.captures()
