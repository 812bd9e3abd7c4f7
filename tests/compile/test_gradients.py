"""Gradients that are there before a call: those that add up over some calls, wherever they lie."""

import numpy as np
import pytest

import cnn_physics77 as torch
import cnn_physics77.nn.functional as F
from cnn_physics77 import nn
from tests.compile.test_training import F64, data, ordinary
from tests.compile.worlds import run_both


def build(world):
    ordinary(world)

    def step(x, target):
        loss = F.cross_entropy(world.model(x), target)
        loss.backward()
        return loss

    world.step, world.eager = step, step


def gradients(world):
    return [p.grad for p in world.model.parameters()]


def forgotten(world, number):
    if number % 3 == 2:
        world.optimizer.step()
        world.optimizer.zero_grad()


def set_to_zero(world, number):
    if number % 3 == 2:
        world.optimizer.step()
        world.optimizer.zero_grad(set_to_none=False)


def now_and_then(world, number):
    if number % 7 in (0, 3, 4):
        world.optimizer.step()
        world.optimizer.zero_grad(set_to_none=number % 2 == 1)


def made_eagerly(world, number):
    if number % 3 == 2:
        world.optimizer.step()
        world.optimizer.zero_grad()
        world.eager(*data(number + 50))


def replaced(world, number):
    if number % 2:
        for p in world.model.parameters():
            p.grad = p.grad * 0.5
    forgotten(world, number)


def kept(world, number):
    world.kept = [*getattr(world, "kept", []), *gradients(world)]  # they are compared as well
    if number % 3 == 1:
        for p in world.model.parameters():
            p.grad = p.grad.clone()
    forgotten(world, number)


def in_another_order(world, number):
    if number % 3 == 1:
        for p in world.model.parameters():
            p.grad = torch.from_numpy(np.array(p.grad.array, order="F"))
    forgotten(world, number)


CHANGES = [forgotten, set_to_zero, now_and_then, made_eagerly, replaced, kept, in_another_order]


@pytest.mark.parametrize(
    "change, lanes", [*((c, "threads") for c in CHANGES), (forgotten, "processes"), (kept, "processes")]
)
def test_gradients_add_up(change, lanes, replays, monkeypatch):
    """One capture for gradients that are there, one for those that are not."""
    monkeypatch.setattr("cnn_physics77.compile.replay.processes.LEAST_MICROSECONDS", 0.0)

    def script(world):
        for number in range(16):
            yield world.step(*data(number))
            change(world, number)

    run_both(build, script, 1e-12, fullgraph=True, lanes=lanes)
    assert replays.count >= 7


def weight_and_step(change=lambda w: None):
    w = nn.Parameter(torch.ones(3, dtype=F64))

    def step(x, *given):
        (w * w * x).sum().backward()
        change(w)
        return [(one * x).sum() for one in given]

    return w, step


def x_of(number):
    return torch.from_numpy(np.random.default_rng(number).normal(size=3))


def clip(w):
    with torch.no_grad():
        w.grad.clamp_(-0.5, 0.5)


def forget(w):
    w.grad = None


def halve(w):
    w.grad = w.grad * 0.5


@pytest.mark.parametrize("change", [clip, forget, halve])
def test_what_a_step_does_with_a_gradient_that_was_there(change, replays):
    pairs = [weight_and_step(change) for _ in range(2)]
    compiled = torch.compile(pairs[1][1], fullgraph=True)
    for number in range(9):
        held = []
        for (w, _), f in zip(pairs, (pairs[0][1], compiled)):
            w.grad = x_of(number + 50)
            held.append(w.grad)
            f(x_of(number))
        np.testing.assert_allclose(held[1].array, held[0].array, rtol=1e-13)
        expected, found = (w.grad for (w, _) in pairs)
        assert (expected is None) == (found is None)
        if expected is not None:
            np.testing.assert_allclose(found.array, expected.array, rtol=1e-13)
            assert (found is held[1]) == (expected is held[0])
    assert len(compiled.captures()) == 1 and replays.count == 6


def test_a_gradient_that_is_an_argument_too(replays):
    """The program works on copies of arguments, so such a call is made as always."""
    pairs = [weight_and_step() for _ in range(2)]
    compiled = torch.compile(pairs[1][1], fullgraph=True)
    for number in range(9):
        found = []
        for (w, _), f in zip(pairs, (pairs[0][1], compiled)):
            w.grad = x_of(number + 50)
            found += [f(x_of(number), w.grad if number > 5 else x_of(number))[0].item()]
        assert found[0] == pytest.approx(found[1], rel=1e-13)
    assert replays.count == 3


def test_gradients_in_one_array():
    """The step knows that array too, so they must lie there."""
    first, second = (nn.Parameter(torch.full((3,), v, dtype=F64)) for v in (1.0, 2.0))
    flat = torch.zeros(6, dtype=F64)
    first.grad, second.grad = flat[:3], flat[3:]

    @torch.compile
    def step(x):
        flat.zero_()
        (first * second * x).sum().backward()
        return flat.norm()

    for number in range(10):
        if number > 5:
            first.grad, second.grad = torch.zeros(3, dtype=F64), torch.zeros(3, dtype=F64)
        x = x_of(number)
        norm = 5**0.5 * np.linalg.norm(x.array) if number < 6 else 0
        assert step(x).item() == pytest.approx(norm, rel=1e-13)
        np.testing.assert_allclose(first.grad.array, 2 * x.array, rtol=1e-13)


def test_one_gradient_of_two_parameters():
    first, second = (nn.Parameter(torch.full((3,), v, dtype=F64)) for v in (1.0, 2.0))

    @torch.compile
    def step(x):
        (first * second * x).sum().backward()

    for number in range(12):
        first.grad = torch.zeros(3, dtype=F64)
        second.grad = first.grad if number < 6 else torch.zeros(3, dtype=F64)
        step(x_of(number))
        np.testing.assert_allclose(
            first.grad.array, (3 if number < 6 else 2) * x_of(number).array, rtol=1e-13
        )
        np.testing.assert_allclose(
            second.grad.array, (3 if number < 6 else 1) * x_of(number).array, rtol=1e-13
        )
