"""What a capture depends on besides the values of its arguments."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77 import nn
from tests.compile.modules import Calls

F64 = torch.float64


def changed(tensor, factor):
    """What a hook does that returns nothing."""
    tensor.mul_(factor)


def x_of(seed: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).standard_normal((4, 3)))


class Settings:
    scale = 1.0

    def scaled(self, x):
        return x * self.scale

    __call__ = scaled


settings = Settings()


def scaled_by_default(x, scales=(1.0, {"factor": [1.0]})):
    return x * scales[1]["factor"][0]


def change_settings():
    settings.scale = 3.0


def change_class():
    Settings.scale = 3.0


def change_default():
    scaled_by_default.__defaults__[0][1]["factor"][0] = 3.0


READS = {
    "an attribute": (lambda x: x * settings.scale, change_settings),
    "an attribute of a class": (lambda x: x * Settings.scale, change_class),
    "a bound method": (settings.scaled, change_settings),
    "an object that can be called": (settings, change_settings),
    "an argument of partial": (partial(lambda s, x: x * s.scale, settings), change_settings),
    "a default": (scaled_by_default, change_default),
}


@pytest.mark.parametrize("name", READS)
def test_python_values(name, monkeypatch, replays):
    monkeypatch.setattr(Settings, "scale", 1.0)
    settings.__dict__.clear()
    function, change = READS[name]
    compiled = torch.compile(function)
    for seed in range(12):
        if seed == 6:
            change()
        np.testing.assert_array_equal(compiled(x_of(seed)).array, x_of(seed).array * (1 if seed < 6 else 3))
    assert replays.count == 7
    settings.__dict__.clear()


def test_a_function_that_is_rebound(replays):
    def helper(x):
        return x * 1

    compiled = torch.compile(lambda x: helper(x))
    for seed in range(12):
        if seed == 6:

            def helper(x):
                return x * 3

        np.testing.assert_array_equal(compiled(x_of(seed)).array, x_of(seed).array * (1 if seed < 6 else 3))
    assert replays.count == 7


def test_a_gradient_that_is_added_to_and_then_dropped(replays):
    """Even if the parameter itself is not read: the derivative of a product is the other factor."""
    weight = nn.Parameter(torch.ones(3, dtype=F64))

    @torch.compile
    def step(x):
        (x * weight).sum().backward()

    expected = np.zeros(3)
    for seed in range(12):
        if seed == 6:
            weight.grad, expected = None, np.zeros(3)
        step(x_of(seed))
        expected = expected + x_of(seed).array.sum(0)
        np.testing.assert_allclose(weight.grad.array, expected, rtol=1e-12)
    assert replays.count >= 3


@pytest.mark.parametrize("kind", ["hook", "after", "before step", "after step"])
def test_hooks_that_come_later(kind):
    def world(compiled: bool):
        weight = nn.Parameter(torch.ones(3, dtype=F64))
        optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)

        def step(x):
            optimizer.zero_grad()
            (x * weight * weight).sum().backward()
            optimizer.step()

        run = torch.compile(step) if compiled else step
        for seed in range(10):
            run(x_of(seed))
            if seed == 5 and kind == "hook":
                weight.register_hook(lambda g: g * 2)
            elif seed == 5 and kind == "after":
                weight.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(2))
            elif seed == 5 and kind == "before step":
                optimizer.register_step_pre_hook(lambda *_: changed(weight.grad, 2))
            elif seed == 5:
                optimizer.register_step_post_hook(lambda *_: changed(weight.data, 0.9))
        return weight.detach().array

    np.testing.assert_allclose(world(True), world(False), rtol=1e-12)


@pytest.mark.parametrize("change_first", [0, 4])
def test_arguments_that_share_memory(change_first):
    def step(a, b):
        a.add_(1.0)
        return b * 2

    compiled = torch.compile(step)
    one, two = torch.zeros(6, 3, dtype=F64), torch.zeros(6, 3, dtype=F64)
    for number in range(9):
        if number < change_first:
            a, b = (torch.zeros(4, 3, dtype=F64) for _ in range(2))
            np.testing.assert_array_equal(compiled(a, b).array, b.array * 2)
            continue
        found, expected = compiled(one[:4], one[2:]), step(two[:4], two[2:])
        np.testing.assert_array_equal(found.array, expected.array)
        np.testing.assert_array_equal(one.array, two.array)


def test_an_argument_that_the_function_also_knows():
    def step(known, x):
        known.mul_(2.0)
        return x + known

    one, two = torch.ones(4, 3, dtype=F64), torch.ones(4, 3, dtype=F64)
    compiled = torch.compile(lambda x: step(one, x))
    for number in range(9):
        found = compiled(x_of(number) if number < 5 else one)
        expected = step(two, x_of(number) if number < 5 else two)
        np.testing.assert_array_equal(found.array, expected.array)


@pytest.mark.parametrize("kind", ["detached", "not recorded"])
def test_an_argument_that_requires_gradients_may_be_another_one(kind, replays):
    def scaled(x, w):
        if kind == "detached":
            return (x * w).detach()
        with torch.no_grad():
            return x * w

    step = torch.compile(scaled, fullgraph=True)
    one, five = (torch.full((3,), value, dtype=F64, requires_grad=True) for value in (1.0, 5.0))
    for number, w in enumerate((one, one, one, one, five, five, five, one)):
        x = torch.full((3,), float(number), dtype=F64)
        np.testing.assert_array_equal(step(x, w).array, number * w.detach().array)
    assert replays.count == 5
    for number in range(3):
        w = torch.full((3,), float(number), dtype=F64, requires_grad=True)
        np.testing.assert_array_equal(step(torch.ones(3, dtype=F64), w).array, w.detach().array)
    assert replays.count == 8


def test_layout_that_python_reads():
    def function(x):
        return x + float(x.stride()[0])

    compiled = torch.compile(function)
    for number in range(12):
        x = torch.ones(3, 4, dtype=F64)
        x = x if number < 6 else torch.ones(4, 3, dtype=F64).t()
        np.testing.assert_array_equal(compiled(x).array, function(x).array)


def test_an_iterator_is_refused():
    def parts(x):
        for number in range(3):
            yield x * number

    compiled = torch.compile(parts)
    compiled(x_of(0))
    with pytest.warns(RuntimeWarning, match="an iterator"):
        assert len(list(compiled(x_of(1)))) == 3
    for seed in range(4):
        assert len(list(compiled(x_of(seed)))) == 3


def test_repeats_are_values():
    compiled = torch.compile(lambda x, n: torch.repeat_interleave(x, n, 0))
    counts = torch.tensor([1, 2, 0, 3])
    compiled(x_of(0), counts)
    with pytest.warns(RuntimeWarning, match="depends on values"):
        compiled(x_of(0), counts)
    for number in range(4):
        assert compiled(x_of(0), counts + number).shape[0] == 6 + 4 * number


def test_equal_arguments_prove_nothing():
    """A replay that was compared for the arguments of the capture is compared again for others."""

    seen = Calls()

    class Reader:  # what a capture does not see
        def __call__(self, x):
            seen.append(1)
            return float(x.detach().array.view(np.ndarray).sum())

    reader = Reader()
    reader.__class__.__module__ = "numpy.hidden"
    compiled = torch.compile(lambda x: x * reader(x))
    for _ in range(5):
        np.testing.assert_array_equal(compiled(torch.ones(3)).array, [3.0, 3.0, 3.0])
    assert len(seen) == 3
    with pytest.raises(torch.compile.CaptureError, match="differs from the call itself"):
        compiled(torch.ones(3) * 2)


def test_a_callable_that_inherits_its_call():
    class Scaled:
        def __init__(self):
            self.scale = 2.0

        def __call__(self, x):
            return x * self.scale

    class Inherits(Scaled):
        pass

    scaled = Inherits()
    compiled = torch.compile(scaled)
    for scale in (2.0, 3.0):
        scaled.scale = scale
        for seed in range(5):
            np.testing.assert_array_equal(compiled(x_of(seed)).array, x_of(seed).array * scale)


FROZEN = """
import gc, warnings
import cnn_physics77 as torch
w = torch.nn.Parameter(torch.ones(3))
optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
@torch.compile
def step(x):
    optimizer.zero_grad()
    loss = (x * w * w).sum()
    loss.backward()
    optimizer.step()
    return loss
step(torch.ones(3))
gc.collect()
gc.freeze()
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    losses = [round(step(torch.ones(3) * k / 5).item(), 5) for k in range(5)]
print(losses, [str(w.message) for w in warned])
"""


def test_frozen_tensors():
    done = subprocess.run([sys.executable, "-c", FROZEN], capture_output=True, text=True)
    assert "[0.0, 0.23064, 0.22519, 0.09557, 0.00099]" in done.stdout, done.stderr
    assert "tensors that gc.freeze() hides" in done.stdout


@pytest.mark.parametrize("how", ["argument", "attribute", "buffer"])
def test_a_constant_sparse_matrix(how, replays):
    """It takes part by its entries, which may change in place."""
    places = torch.tensor([[0, 1, 2, 2], [1, 0, 2, 0]])
    graph = torch.sparse_coo_tensor(places, torch.ones(4, dtype=F64), (3, 3)).coalesce()
    layer = nn.Linear(3, 2).to(F64)
    if how == "attribute":
        layer.graph = graph
    if how == "buffer":
        layer.register_buffer("graph", graph)

    def step(x, *given):
        layer.zero_grad()
        loss = (torch.sparse.mm(given[0] if given else layer.graph, layer(x)) ** 2).sum()
        loss.backward()
        return loss

    compiled = torch.compile(step, fullgraph=True)
    given = (graph,) if how == "argument" else ()
    for number in range(7):
        if number == 5:
            graph.values().mul_(2)
        x = x_of(number)[:3]
        expected = [step(x, *given), layer.weight.grad]
        for one, other in zip(expected, [compiled(x, *given), layer.weight.grad], strict=True):
            np.testing.assert_allclose(other.detach().array, one.detach().array, rtol=1e-13)
    assert replays.count == 4


def test_a_sparse_result_is_refused():
    places = torch.tensor([[0, 1], [1, 2]])
    compiled = torch.compile(lambda x: torch.sparse_coo_tensor(places, x * 2, (3, 3)), fullgraph=True)
    compiled(torch.ones(2))
    with pytest.raises(torch.compile.CaptureError, match="it returns a sparse tensor"):
        compiled(torch.ones(2))


def test_kinds_of_calls_are_forgotten():
    """A call with an object of its own is a kind of its own, which keeps the object."""
    compiled = torch.compile(lambda x, numbers: x + len(numbers))
    for number in range(300):
        compiled(torch.ones(1), np.ones(2 + number % 2))
    assert len(compiled._kinds) == 256
