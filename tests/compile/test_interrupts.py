"""Ctrl-C at each place of a capture, its comparison and a replay."""

import gc

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77 import nn
from cnn_physics77.compile import function as of_functions
from cnn_physics77.compile.interrupts import Busy, Turn, unwind_protect
from tests.compile.modules import same
from tests.compile.worlds import assert_nothing_traced, taps
from tests.ctrl_c import CtrlC, interrupted, places_of

pytestmark = pytest.mark.usefixtures("in_double")


def trained():
    """A step that is captured, the function of the capture, what the step is eagerly, and what it trains."""
    torch.manual_seed(1)
    weight = torch.randn(3, 2).requires_grad_()
    optimizer = torch.optim.SGD([weight], lr=0.1)

    def loss_of(x):
        return (x @ weight).tanh().sum()

    @torch.compile(fullgraph=True)
    def step(x):
        optimizer.zero_grad()
        loss = loss_of(x)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, step, loss_of, weight


def differentiated():
    """The same of a module, whose backward pass is replayed."""
    torch.manual_seed(1)
    layer = nn.Linear(3, 2)
    layer.weight.register_hook(lambda g: g * 2)
    model = torch.compile(layer, fullgraph=True)

    def step(x):
        layer.weight.grad = None
        loss = model(x).tanh().sum()
        loss.backward()
        return loss.detach()

    return step, model.forward, lambda x: layer(x).tanh().sum(), layer.weight


FILES = ("compile/function.py", "compile/interrupts.py", "capture/seams.py", "contextlib.py")


@pytest.mark.parametrize("make", [trained, differentiated])
@pytest.mark.parametrize("calls", [1, 2, 3], ids=["captured", "compared", "replayed"])
def test_whatever_is_interrupted_is_as_before(make, calls):
    before, errors, x = taps(), np.geterr(), torch.ones(4, 3)

    def prepared():
        step, compiled, eager, weight = make()
        for _ in range(calls):
            step(x)
        return step, compiled, eager, weight

    gc.collect()  # what other tests have left would be met, or not
    step, *_ = prepared()
    places = places_of(lambda: step(x), FILES)
    for place in places:
        step, compiled, eager, weight = prepared()
        error = interrupted(lambda step=step: step(x), CtrlC(FILES, place))
        assert error is not None, place
        assert taps() == before and np.geterr() == errors, place
        assert not of_functions._capturing.is_taken and not compiled._turn.is_taken, place
        assert_nothing_traced()
        for _ in range(4):
            expected = eager(x).detach()
            same(step(x), expected)
        assert any(captured.proved for captured in compiled.captures()), place
        assert (weight.hooks is not None) == (make is differentiated), place
        del error


def test_a_turn_is_given_back():
    for place in places_of(lambda: Turn().take(abs, 1), "compile/interrupts.py"):
        turn = Turn()
        error = interrupted(lambda turn=turn: turn.take(abs, 1), CtrlC("compile/interrupts.py", place))
        assert error is not None and not turn.is_taken, place
    assert turn.take(lambda: turn.is_taken)
    with pytest.raises(Busy):
        turn.take(turn.take, abs, 1)
    assert not turn.is_taken


def test_a_clean_up_runs_to_its_end():
    begun, done = [], []

    def clean_up():
        done.clear()
        done.append(1)
        done.append(2)

    def work():
        unwind_protect(lambda: begun.append(0), clean_up)

    here = ("compile/interrupts.py", __file__)
    for place in places_of(work, here):
        begun.clear(), done.clear()
        assert interrupted(work, CtrlC(here, place)) is not None, place
        assert done == [1, 2] or not begun, place
    with pytest.raises(ZeroDivisionError):
        unwind_protect(lambda: 1 / 0, clean_up)
    assert done == [1, 2]
