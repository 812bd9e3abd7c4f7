"""The training loop: every batch once and in order, the clock, nothing kept; both frameworks through it."""

import time
import weakref

import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.training import train_epoch, training_step


@pytest.mark.parametrize("framework", [ours, torch])
def test_a_step_is_gradient_descent(framework):
    """loss = (w x - y)^2 with w = 3, x = 2, y = 1: loss 25, dw = 2 (w x - y) x = 20, w - 0.1 dw = 1."""
    w = framework.tensor([3.0], requires_grad=True)
    optimizer = framework.optim.SGD([w], lr=0.1)
    step = training_step(lambda x: w * x, lambda a, b: ((a - b) ** 2).sum(), optimizer)
    x, y = framework.tensor([2.0]), framework.tensor([1.0])
    assert step(x, y).item() == pytest.approx(25.0)
    assert w.item() == pytest.approx(1.0) and w.grad.item() == pytest.approx(20.0)
    assert step(x, y).item() == pytest.approx(1.0)  # gradients do not add up over steps
    assert w.grad.item() == pytest.approx(4.0)


def test_batches_in_order_and_results_handed_on():
    seen = []
    batches = [(i, -i) for i in range(5)]
    times = train_epoch(
        lambda x, y: (x, y), iter(batches), lambda number, result: seen.append((number, *result))
    )
    assert seen == [(i, i, -i) for i in range(5)]
    assert len(times.steps) == 5 and times.total >= sum(times.steps)
    assert train_epoch(lambda x, y: None, []).steps == []


def test_the_clock_of_a_step_is_around_the_step_alone():
    def slow_batches():
        for _ in range(3):
            time.sleep(0.02)
            yield 1, 2

    times = train_epoch(
        lambda x, y: time.sleep(0.01), slow_batches(), lambda number, result: time.sleep(0.03)
    )
    assert all(seconds >= 0.01 for seconds in times.steps)
    assert times.total - sum(times.steps) >= 3 * 0.05  # loading and callback are outside


class Result:
    """Something that can be referred to weakly."""


def test_no_result_outlives_its_step():
    """Or the graph of one step would still be in memory during the next."""
    earlier = []

    def step(x, y):
        assert all(reference() is None for reference in earlier)
        result = Result()
        earlier.append(weakref.ref(result))
        return result

    train_epoch(step, [(1, 2)] * 4)
    assert len(earlier) == 4 and earlier[-1]() is None


def test_an_exception_passes_through():
    with pytest.raises(ZeroDivisionError):
        train_epoch(lambda x, y: x / y, [(1, 1), (1, 0)])
