"""Choices by values: both ways are captured, and each replay goes the one of its values."""

import runpy

import numpy as np
import pytest
import threadpoolctl

import cnn_physics77 as torch
from cnn_physics77.compile.capture.trace import Choice
from cnn_physics77.core.kernels.convolution.dispatch import override
from cnn_physics77.core.kernels.runtime.choice import either
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.operations.base.operation import OPERATIONS, operation
from cnn_physics77.nn import functional as F


@pytest.fixture
def doubled():
    """An operation: twice the positive part, in a way of its own where the first value is negative."""

    @operation(name="doubled")
    def double(x):
        y, unused = np.empty_like(x), np.empty_like(x)

        def first():
            np.multiply(x, 2, out=y)
            np.maximum(y, 0, out=y)
            np.exp(x, out=unused)

        def other():
            half = np.maximum(x, 0)
            np.add(half, half, out=y)

        either(x[0] >= 0, first, other)
        return y

    yield lambda x: double(x)
    del OPERATIONS["doubled"]


def inputs():
    rng = np.random.default_rng(0)
    for sign in (1, 1, 1, -1, 1, -1):
        x = rng.standard_normal(7)
        x[0] = sign * abs(x[0])
        yield torch.from_numpy(x)


def test_each_replay_chooses(doubled, replays):
    step = torch.compile(lambda x: doubled(x) + 1, fullgraph=True)
    for x in inputs():
        np.testing.assert_array_equal(step(x).array, 2 * np.maximum(x.array, 0) + 1)
    assert replays.count == 3
    (choice,) = [s for s in step.program.steps if isinstance(s, Choice)]
    names = [[call.function.__name__ for call in way] for way in (choice.first, choice.other)]
    assert names == [["multiply", "maximum"], ["maximum", "add"]]  # nothing reads the exponential
    assert "if" in str(step.program).split() and "else" in str(step.program).split()
    assert "1 choices by values are made anew each time" in torch.compile.explain(step)


def test_what_the_way_not_taken_overwrites_is_restored(replays):
    @operation(name="accumulates")
    def accumulate(x):
        total = np.zeros_like(x)
        for row in range(3):
            either(x[row] > 0, lambda: np.add(total, x, out=total), lambda: np.subtract(total, 1, out=total))
        return total

    try:
        step = torch.compile(lambda x: accumulate(x) * 1, fullgraph=True)
        for seed in range(8):
            x = np.random.default_rng(seed).standard_normal(3)
            expected = sum(x if value > 0 else -1.0 for value in x) + np.zeros(3)
            np.testing.assert_array_equal(step(torch.from_numpy(x)).array, expected)
        assert replays.count == 5
    finally:
        del OPERATIONS["accumulates"]


def test_memory_first_met_in_the_way_not_taken_is_restored(replays):
    @operation(name="begins_with_plain_memory")
    def begin(x):
        total = np.ones(3)  # no traced array: the capture meets it when it is written
        either(x[0] > 0, lambda: np.add(total, x, out=total), lambda: np.subtract(total, x, out=total))
        return total

    try:
        step = torch.compile(lambda x: begin(x) * 1, fullgraph=True)
        for number, sign in enumerate((1, -1, 1, -1, 1)):
            x = np.array([sign, 2.0, float(number)])
            np.testing.assert_array_equal(step(torch.from_numpy(x)).array, 1 + sign * x)
        assert replays.count == 2
    finally:
        del OPERATIONS["begins_with_plain_memory"]


def test_a_way_that_reads_a_value_makes_the_operation_one_call(replays):
    @operation(name="undecided")
    def undecided(x):
        y = np.zeros_like(x)

        def other():
            y[...] = -1 if x[1] > 0 else -2

        either(x[0] > 0, lambda: np.copyto(y, x), other)
        return y

    try:
        step = torch.compile(lambda x: undecided(x) + 0, fullgraph=True)
        for number, signs in enumerate(((1, 1), (1, 1), (1, 1), (-1, 1), (-1, -1), (1, -1))):
            x = np.array([*signs, float(number)])
            expected = x if signs[0] > 0 else np.full(3, -1.0 if signs[1] > 0 else -2.0)
            np.testing.assert_array_equal(step(torch.from_numpy(x)).array, expected)
        assert replays.count == 3
        assert "undecided reads a value: one call as a whole" in torch.compile.explain(step)
    finally:
        del OPERATIONS["undecided"]


def test_loops_inside_of_one_call_do_not_turn_those_that_are_noted(replays):
    @operation(name="as_many_loops")
    def as_many_loops(x):
        for _ in range(int(x[0])):
            parallel_for(lambda block: None, 1, microseconds=1)
        return x.copy()

    @operation(name="unlike_blocks")
    def unlike_blocks(x):
        y = np.empty((2, 2), like=x)
        parallel_for(lambda block: (np.square, np.sqrt)[block](x, out=y[block]), 2, microseconds=1)
        return y

    try:
        step = torch.compile(lambda x: unlike_blocks(as_many_loops(x)), fullgraph=True)
        for loops in range(1, 7):
            x = np.full(2, float(loops))
            np.testing.assert_array_equal(step(torch.from_numpy(x)).array, [x**2, x**0.5])
        assert replays.count == 3
    finally:
        del OPERATIONS["as_many_loops"], OPERATIONS["unlike_blocks"]


def images(seed, outlier=None):
    x = np.random.default_rng(seed).standard_normal((16, 8, 20, 20)).astype(np.float32)
    if outlier is not None:
        x[outlier, 3, 9, 9] = 1e9
    return torch.from_numpy(x)


@pytest.mark.parametrize("algorithm", ["F(4x4, 3x3)", "F(6x1, 3x1)"])
@pytest.mark.parametrize("lanes", ["threads", "processes"])
def test_winograd_in_lanes(algorithm, lanes, replays):
    weight = torch.from_numpy(np.random.default_rng(9).standard_normal((8, 8, 3, 3)).astype(np.float32))

    def step(x):
        w = weight.clone().requires_grad_(True)
        y = F.conv2d(x, w, padding=1)
        (gradient,) = torch.autograd.grad(y.sum(), w)
        return y.detach(), gradient

    with override(algorithm):
        captured = torch.compile(step, fullgraph=True, lanes=lanes)
        for number, outlier in enumerate((None, None, None, None, 1, 14, None)):
            x = images(number, outlier)
            for found, expected in zip(captured(x), step(x), strict=True):
                size = np.abs(expected.array).max()
                np.testing.assert_allclose(found.array, expected.array, atol=1e-6 * size)
    assert replays.count == 4
    assert sum(isinstance(s, Choice) for s in captured.program.steps) > 1


def test_a_saved_program_chooses(tmp_path):
    weight = torch.from_numpy(np.random.default_rng(9).standard_normal((8, 8, 3, 3)).astype(np.float32))

    def convolved(x):
        return F.conv2d(x, weight, padding=1)

    with override("F(4x4, 3x3)"):
        captured = torch.compile(convolved, fullgraph=True)
        for seed in range(3):
            captured(images(seed))
        captured.program.save(tmp_path / "saved.py")
        saved = runpy.run_path(str(tmp_path / "saved.py"))
        saved["load"]({name: weight.numpy() for name in saved["state"]})
        for outlier in (None, 5):
            x = images(7, outlier)
            with threadpoolctl.threadpool_limits(1, user_api="blas"):  # as the saved program says
                found = saved["step"](x.numpy())
            np.testing.assert_array_equal(found, convolved(x).numpy())
