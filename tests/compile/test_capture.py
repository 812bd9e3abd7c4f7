"""What a captured function refuses or notices, and that it leaves everything as it was."""

from __future__ import annotations

import sys
import threading
import warnings
from copy import deepcopy

import numpy as np
import pytest

import cnn_physics77 as torch
import cnn_physics77.nn as nn
from cnn_physics77.compile.capture.trace import GuardFailed
from cnn_physics77.compile.capture.traced import Flattened
from cnn_physics77.core.tensor import Tensor
from tests.compile.modules import Calls
from tests.compile.worlds import assert_nothing_traced, taps

F64 = torch.float64


def x_of(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape or (3,)))


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = taps()
    yield
    assert all(a is b for a, b in zip(before, taps(), strict=True))
    assert_nothing_traced()


# ----------------------------------------------------------------------------------------------- refusals


kept: list = []

READS = {
    "item": (lambda x: x * x.sum().item(), r"item read a value, at test_capture\.py:\d+"),
    "float": (lambda x: x * float(x.sum()), "item|float"),
    "print": (lambda x: print(x.sum()) or x, "cannot be captured"),
    "format": (lambda x: x + len(f"{x.sum():.3f}"), "read a value"),
    "tolist": (lambda x: x + x.tolist()[0], "tolist"),
    "size of a mask": (
        lambda x: x[x > 0].sum(),
        r"pick reads a value .* booleans .* the shape of the result, at test_capture\.py",
    ),
    "deepcopy": (
        lambda x: deepcopy(x) * 2,
        r"copies a tensor by deepcopy; clone it, at test_capture\.py",
    ),
    "a module": (lambda x: torch.nn.BatchNorm1d(1).double()(x[:, None]), "makes a module of its own"),
    "a list that keeps": (lambda x: kept.append(x * 2) or x, "keeps a tensor"),
    "numpy": (lambda x: x.numpy() * 2, "NumPy array"),
    "a copy that NumPy makes": (
        lambda x: x + torch.from_numpy(np.array(x.numpy()) * 2),
        "takes a NumPy array of a tensor",
    ),
    "np.asarray": (lambda x: torch.tensor(np.asarray(x) + 1), "takes a NumPy array of a tensor"),
}


@pytest.mark.parametrize("name", READS)
def test_refused(name, replays, capsys):
    """It runs eagerly, with one warning; with ``fullgraph`` it is an error."""
    function, message = READS[name]
    captured = torch.compile(function)
    with pytest.warns(RuntimeWarning, match=message) as warned:
        for seed in range(6):
            x = x_of(seed)
            found, expected = captured(x), function(x)
            if name != "numpy":
                found, expected = found.detach(), expected.detach()
            np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
    assert len(warned) == 1
    assert replays.count == 0
    whole = torch.compile(function, fullgraph=True)
    with pytest.raises(torch.compile.CaptureError, match=message):
        for seed in range(6):
            whole(x_of(seed))
    kept.clear()


def test_scheduler_inside():
    parameter = nn.Parameter(torch.ones(3, dtype=F64))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)

    @torch.compile
    def step(x):
        optimizer.zero_grad()
        (parameter * x).sum().backward()
        optimizer.step()
        scheduler.step()

    with pytest.warns(RuntimeWarning, match="scheduler"):
        for seed in range(4):
            step(x_of(seed))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * 0.9**4)


def test_random_numbers_of_numpy():
    rng = np.random.default_rng(0)
    captured = torch.compile(lambda x: x + torch.from_numpy(rng.normal(size=3)))
    with pytest.warns(RuntimeWarning, match="random numbers of Python's or NumPy's"):
        found = [captured(torch.zeros(3, dtype=F64)) for _ in range(5)]
    np.testing.assert_array_equal(found, np.random.default_rng(0).normal(size=(5, 3)))


def test_python_that_counts(replays):
    """What the function itself changes, and reads, cannot be fixed."""
    count = [0]

    def function(x):
        count[0] += 1
        return x * count[0]

    captured = torch.compile(function)
    with pytest.warns(RuntimeWarning, match="it changes 'count', which it reads"):
        for number in range(1, 6):
            np.testing.assert_array_equal(captured(x_of(number)).numpy(), (x_of(number) * number).numpy())
    assert replays.count == 0


def test_python_that_counts_where_it_is_not_seen(replays):
    """A number that Python computes anew at each call is noticed at the third call."""
    calls = Calls()

    def function(x):
        calls.append(1)
        return x * len(calls)

    captured = torch.compile(function)
    captured(x_of(0))
    captured(x_of(1))
    with pytest.raises(torch.compile.CaptureError, match="multiply of mul"):
        captured(x_of(2))


class Settings:
    scale = 1.0

    def __init__(self):
        self.scale, self.shift = 2.0, torch.ones(3, dtype=F64)

    def apply(self, x):
        return x * self.scale + self.shift


def test_variables_that_change():
    """Numbers, tensors and lists of the surroundings, and attributes of objects, are what they are now."""
    factor, parts, settings, other = 2.0, [1.0, 2.0], Settings(), Settings()

    def function(x):
        return x * factor + sum(parts) + settings.apply(x) * settings.scale

    captured, method = torch.compile(function), torch.compile(other.apply)

    def agree():
        for seed in range(5):
            x = x_of(seed)
            np.testing.assert_array_equal(captured(x).numpy(), function(x).numpy())
            np.testing.assert_array_equal(method(x).numpy(), other.apply(x).numpy())

    agree()
    factor = 3.0
    agree()
    parts.append(4.0)
    agree()
    settings.scale = other.scale = 5.0
    agree()
    kept = other.shift
    settings.shift = other.shift = torch.zeros(3, dtype=F64)
    agree()
    assert kept.sum() == 3


# --------------------------------------------------------------------------------------------- exceptions


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_exception(number, replays):
    """It propagates from every call, and the next call is right."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.BatchNorm1d(4)).to(F64)
    failing = [False]

    def step(x):
        y = model(x)
        if failing[0]:
            raise KeyError("no")
        return y.detach()

    captured = torch.compile(step)
    for call in range(7):
        failing[0] = call == number and call < 3
        x = x_of(call, 5, 3)
        if failing[0]:
            with pytest.raises(KeyError):
                captured(x)
            assert_nothing_traced()
            failing[0] = False
        before = {name: value.clone() for name, value in model.state_dict().items()}
        torch.manual_seed(call)
        found = captured(x)
        model.load_state_dict(before)
        torch.manual_seed(call)
        np.testing.assert_array_equal(found.array, step(x).array)
    assert replays.count >= 2


def test_exception_of_an_operation(replays):
    captured = torch.compile(lambda x, index: x[index])
    for seed in range(5):
        captured(x_of(seed), torch.tensor([0, 2]))
    assert replays.count == 2
    with pytest.raises(IndexError, match="out of bounds"):
        captured(x_of(9), torch.tensor([0, 3]))
    assert captured(x_of(1), torch.tensor([1, 1])).tolist() == x_of(1)[torch.tensor([1, 1])].tolist()


# ------------------------------------------------------------------------------------------------- guards


def test_branch_on_a_tensor(replays):
    def function(x):
        return x * 2 if x.sum() > 0 else x - 1

    captured = torch.compile(function, fullgraph=True)
    for seed in range(40):
        np.testing.assert_array_equal(captured(x_of(seed)).array, function(x_of(seed)).array)
    assert replays.count > 25
    assert captured._count == 2


def test_kernels_that_are_one_call_have_scratch_memory_of_their_own(replays):
    """The sums of rows take another way for each number of groups."""
    values = torch.arange(40000.0).reshape(400, 100)
    compiled = torch.compile(lambda index: torch.zeros(50, 100).index_add(0, index, values))
    for groups in (3, 3, 50, 1):
        index = torch.arange(400) % groups
        expected = np.zeros((50, 100), np.float32)
        np.add.at(expected, index.numpy(), values.numpy())
        np.testing.assert_array_equal(compiled(index).numpy(), expected)
    assert replays.count > 0


def test_a_whole_call_with_a_result_of_another_shape():
    """The replay is given up: its memory has the shape that there was in the capture."""
    positive = Flattened(lambda x: x[x > 0], (((2,), np.dtype(float)),))
    assert positive(np.array([1.0, -1.0, 2.0])).tolist() == [1.0, 2.0]
    with pytest.raises(GuardFailed):
        positive(np.array([1.0, -1.0]))


def test_failed_guard_leaves_everything(replays):
    """A replay that is given up leaves memory, random numbers and numbers of steps as they were."""

    def build():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1)).to(F64)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)

        def step(x):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            if x.sum() > 0:
                loss = loss * 2 + torch.rand((), dtype=F64)
            return loss.detach()

        return model, optimizer, step

    plain, captured = build(), build()
    step = torch.compile(captured[2], fullgraph=True)
    position = torch.default_generator.position()
    for seed in range(30):
        torch.default_generator.go_to(position)
        expected = plain[2](x_of(seed, 64, 3))
        after = torch.default_generator.position()
        torch.default_generator.go_to(position)
        found = step(x_of(seed, 64, 3))
        assert torch.default_generator.position() == after
        position = after
        assert found.item() == expected.item()
        for a, b in zip(plain[0].state_dict().values(), captured[0].state_dict().values(), strict=True):
            np.testing.assert_array_equal(a.array, b.array)
        states = [optimizer.state_dict()["state"] for _, optimizer, _ in (plain, captured)]
        for number, state in states[0].items():
            for name, value in state.items():
                np.testing.assert_array_equal(value.array, states[1][number][name].array)
    assert replays.count > 15


def test_modes(replays):
    """Recording, the default dtype, training and shapes each have their own capture."""
    model = nn.Dropout(0.5)
    weight = torch.ones(3, dtype=F64, requires_grad=True)

    def function(x):
        y = model(x * weight)
        return y.detach(), torch.ones(2) + y.requires_grad

    captured = torch.compile(function, fullgraph=True)

    def call(seed, *shape):
        torch.manual_seed(seed)
        expected = function(x_of(seed, *shape))
        torch.manual_seed(seed)
        for a, b in zip(expected, captured(x_of(seed, *shape)), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a.array, b.array)

    for seed in range(5):
        call(seed)
        with torch.no_grad():
            call(seed)
        torch.set_default_dtype(F64)
        try:
            call(seed)
        finally:
            torch.set_default_dtype(torch.float32)
        call(seed, 2, 3)
        model.eval()
        call(seed)
        model.train()
    assert replays.count >= 8


# --------------------------------------------------------------------------------------- threads, nesting


def test_call_from_another_thread(replays):
    """A second thread runs the function as always while the first one replays."""
    inside, leave = threading.Event(), threading.Event()
    waiting = [False]

    def wait(x):
        if waiting[0]:
            inside.set()
            assert leave.wait(10)
        return x

    captured = torch.compile(lambda x: x.clone() * 2)
    for seed in range(4):
        captured(x_of(seed))
    capture = captured.captures()[0]
    run = capture.program.run
    capture.program.run = lambda: (wait(None), run())
    waiting[0] = True
    results = {}
    thread = threading.Thread(target=lambda: results.update(first=captured(x_of(10))))
    thread.start()
    assert inside.wait(10)
    waiting[0] = False
    results["second"] = captured(x_of(11))
    leave.set()
    thread.join()
    np.testing.assert_array_equal(results["first"].array, 2 * x_of(10).array)
    np.testing.assert_array_equal(results["second"].array, 2 * x_of(11).array)


def test_another_thread_during_a_capture():
    """What another thread does meanwhile is not part of the capture."""
    started, leave = threading.Event(), threading.Event()
    sums = []

    def others():
        while not leave.is_set():
            sums.append(float((torch.ones(4, dtype=F64) * 2).sum()))
            tuple(str(number) for number in range(200))
            started.set()

    thread = threading.Thread(target=others)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        assert started.wait(10)
        captured = torch.compile(lambda x: torch.tanh(x) @ x)
        for seed in range(6):
            assert captured(x_of(seed)).item() == (torch.tanh(x_of(seed)) @ x_of(seed)).item()
        assert len(captured.program.steps) == 2
    finally:
        leave.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert set(sums) == {8.0}


def test_captured_in_captured(replays):
    inner = torch.compile(lambda x: torch.exp(x))
    outer = torch.compile(lambda x: inner(x) + inner(x * 2), fullgraph=True)
    for seed in range(7):
        x = x_of(seed)
        np.testing.assert_array_equal(outer(x).array, (torch.exp(x) + torch.exp(x * 2)).array)
    assert replays.count >= 4


def test_decorator_keeps_attributes():
    @torch.compile(fullgraph=True)
    def step(x):
        """Doubles."""
        return x * 2

    assert step.__name__ == "step" and step.__doc__ == "Doubles." and step.__wrapped__ is not None
    with pytest.raises(torch.compile.CaptureError, match="call it twice"):
        step.program  # noqa: B018
    for seed in range(4):
        step(x_of(seed))
    assert "multiply" in step.program.source
    step.reset()
    assert step._count == 0


def test_too_many_captures(replays):
    """After eight captures other calls run eagerly, with one warning."""
    captured = torch.compile(lambda x, n: x * n)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for seed in range(40):
            n = seed % 10
            np.testing.assert_array_equal(captured(x_of(seed), n).array, x_of(seed).array * n)
    assert len(warned) == 1 and "8 times" in str(warned[0].message)
    assert replays.count > 0
