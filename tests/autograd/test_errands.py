"""A weight's gradient that another thread computes while the walk goes on: the same bits, whatever happens
meanwhile."""

import threading
import time

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.core import autograd
from cnn_physics77.core.kernels.threads import get_num_threads, own_seat, set_num_threads

F = torch.nn.functional


@pytest.fixture(autouse=True)
def _threads():
    before = get_num_threads()
    set_num_threads(2)
    yield
    set_num_threads(before)


@pytest.fixture
def errands(monkeypatch):
    """Every weight's gradient is worth an errand; the list of the threads that they were done in. They take
    their time, so that what comes after them in the walk is done before."""
    monkeypatch.setattr(autograd, "APART", 0.0)
    monkeypatch.setattr(autograd, "MOST_APART", 9)
    done_by, begin = [], autograd.begin_errand

    def slow(function):
        def late():
            time.sleep(0.02)
            done_by.append(threading.get_ident())
            return function()

        return begin(late)

    monkeypatch.setattr(autograd, "begin_errand", slow)
    return done_by


def _numbers(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def _network():
    """Two convolutions, a transposed one and a weight that is used three times, one of them elsewhere."""
    given = {
        "first": _numbers(16, 3, 3, 3, seed=1),
        "second": _numbers(16, 16, 3, 3, seed=2),
        "transposed": _numbers(16, 4, 2, 2, seed=3),
        "tied": _numbers(64, 64, seed=4),
    }
    for weight in given.values():
        weight.requires_grad_()

    def loss():
        early = given["tied"].sum()
        x = F.conv2d(_numbers(8, 3, 8, 8), given["first"], padding=1)
        x = F.conv2d(F.relu(x), given["second"], padding=1)
        x = F.conv_transpose2d(F.relu(x), given["transposed"], stride=2).flatten(2)[..., :64]
        x = F.linear(F.relu(F.linear(x, given["tied"])), given["tied"])
        return (x * x).mean() + early

    return given, loss


def _gradients(given, loss):
    for weight in given.values():
        weight.grad = None
    loss().backward()
    return {name: weight.grad.numpy().copy() for name, weight in given.items()}


@pytest.mark.parametrize("count", [2, 3])
def test_the_bits_are_those_of_one_thread(errands, count):
    given, loss = _network()
    set_num_threads(1)
    expected = _gradients(given, loss)
    assert errands == []
    set_num_threads(count)
    found = _gradients(given, loss)
    assert len(errands) == 4 and set(errands) != {threading.get_ident()}
    for name in given:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_a_hook_that_changes_a_gradient_in_place_comes_after_those_who_read_it(errands):
    def run(count):
        set_num_threads(count)
        v, w = _numbers(30, 10).requires_grad_(), _numbers(10, 20, seed=1).requires_grad_()
        u = F.relu(v)

        def double(g):  # the terms of a sum are sent one and the same gradient
            g.mul_(2)

        u.register_hook(double)
        (u + F.linear(_numbers(30, 20, seed=2), w)).backward(_numbers(30, 10, seed=3))
        return w.grad.numpy()

    expected = run(1)
    np.testing.assert_array_equal(run(2), expected)
    assert len(errands) == 1


def test_a_parameter_that_is_updated_when_its_gradient_is_there_is_read_before(errands):
    def run(count):
        set_num_threads(count)
        x, w = _numbers(30, 20).requires_grad_(), _numbers(10, 20, seed=1).requires_grad_()

        def zero(parameter):
            with torch.no_grad():
                parameter.zero_()

        for parameter in (x, w):
            parameter.register_post_accumulate_grad_hook(zero)
        F.linear(x, w).sum().backward()
        return w.grad.numpy()

    np.testing.assert_array_equal(run(2), run(1))
    assert len(errands) == 1


def test_what_was_changed_in_place_since_is_refused_at_once(errands):
    x, w = _numbers(30, 20), _numbers(10, 20, seed=1).requires_grad_()
    y = F.linear(x, w)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified"):
        y.sum().backward()
    assert errands == [] and w.grad is None


def test_no_more_than_some_are_under_way(errands, monkeypatch):
    monkeypatch.setattr(autograd, "MOST_APART", 1)
    given, loss = _network()
    set_num_threads(1)
    expected = _gradients(given, loss)
    set_num_threads(2)
    found = _gradients(given, loss)
    assert 1 <= len(errands) < 4
    for name in given:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_an_error_of_an_errand_is_that_of_backward(errands, monkeypatch):
    from cnn_physics77.core.kernels import products

    x, w = _numbers(30, 20), _numbers(10, 20, seed=1).requires_grad_()
    y = F.linear(x, w).sum()

    def fails(*_):
        raise MemoryError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(products, "matmul", fails)
        with pytest.raises(MemoryError, match="no room"):
            y.backward()
    assert w.grad is None
    F.linear(x, w).sum().backward()
    assert w.grad.shape == w.shape


def test_recorded_gradients_are_computed_in_turn(errands):
    x, w = _numbers(30, 20), _numbers(10, 20, seed=1).requires_grad_()
    (g,) = torch.autograd.grad((F.linear(x, w) ** 2).sum(), (w,), create_graph=True)
    assert errands == [] and g.requires_grad
    (g,) = torch.autograd.grad((F.linear(x, w) ** 2).sum(), (w,))
    assert len(errands) == 1 and not g.requires_grad


def test_gradients_are_added_to_those_that_are_there(errands):
    x, w = _numbers(30, 20), _numbers(10, 20, seed=1).requires_grad_()
    for _ in range(2):
        F.linear(x, w).sum().backward()
    once = x.numpy().sum(axis=0) * np.ones((10, 1), np.float32)
    np.testing.assert_allclose(w.grad.numpy(), 2 * once, rtol=1e-5)
    assert len(errands) == 2


@pytest.mark.parametrize("late", [0.0, 0.02])
def test_a_sum_of_gradients_lies_in_memory_as_with_one_thread(monkeypatch, late):
    """A residual block whose branches give gradients in two orders of memory: sums would show it."""
    monkeypatch.setattr(autograd, "APART", 0.0)
    begin = autograd.begin_errand
    monkeypatch.setattr(autograd, "begin_errand", lambda f: begin(lambda: (time.sleep(late), f())[1]))
    x, weights = _numbers(32, 16, 6, 6), [_numbers(16, 16, 3, 3, seed=i).requires_grad_() for i in (1, 2, 3)]
    bias = _numbers(16).requires_grad_()

    def run(count):
        set_num_threads(count)
        for p in (*weights, bias):
            p.grad = None
        u = F.conv2d(x, weights[0], bias, padding=1)
        y = u + F.conv2d(F.relu(F.conv2d(u, weights[1], padding=1)), weights[2], padding=1)
        torch.tanh(y.contiguous()).mean().backward()
        return [p.grad.numpy().copy() for p in (*weights, bias)]

    expected = run(1)
    for count in (2, 3, 2):
        for found, wanted in zip(run(count), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_a_users_function_may_change_its_gradient_in_place(errands):
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            g.mul_(2)
            return g

    def run(count):
        set_num_threads(count)
        v, w = _numbers(30, 10).requires_grad_(), _numbers(10, 20, seed=1).requires_grad_()
        (Doubled.apply(v) + F.linear(_numbers(30, 20, seed=2), w)).backward(_numbers(30, 10, seed=3))
        return w.grad.numpy()

    np.testing.assert_array_equal(run(2), run(1))
    assert len(errands) == 1


def test_gradients_of_inputs_are_delivered_after_those_who_read_them(errands):
    def run(count):
        set_num_threads(count)
        w = _numbers(10, 20, seed=1).requires_grad_()
        t = _numbers(30, 20, seed=2).requires_grad_() * 1
        t.grad = _numbers(30, 20, seed=3)  # the gradient of t is added into what the weight's gradient reads
        loss = (t * 2).sum() + F.linear(t.grad, w).sum()
        loss.backward(inputs=[t, w])
        return w.grad.numpy()

    np.testing.assert_array_equal(run(2), run(1))
    assert len(errands) == 1


def test_leaves_are_served_in_the_order_of_one_thread(errands):
    def run(count):
        set_num_threads(count)
        order = []
        x, w, b = _numbers(30, 20), _numbers(10, 20), _numbers(10)
        for name, leaf in (("x", x), ("w", w), ("b", b)):
            leaf.requires_grad_()
            leaf.register_hook(lambda g, name=name: order.append(name))
        F.linear(x, w, b).sum().backward()
        return order

    assert run(2) == run(1)


def test_a_variable_that_is_input_and_weight_at_once(errands):
    def run(count):
        set_num_threads(count)
        w = _numbers(20, 20).requires_grad_()
        F.linear(w, w).mean().backward()
        return w.grad.numpy()

    np.testing.assert_array_equal(run(2), run(1))


def test_nothing_piles_up(errands):
    x, w = _numbers(64, 3, 16, 16), _numbers(8, 3, 3, 3, seed=1).requires_grad_()
    for _ in range(5):
        loss = F.conv2d(x, w).sum()
        loss.backward()
        time.sleep(0.03)
    assert len(own_seat().offers) == 0
