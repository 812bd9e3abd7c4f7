"""Where recording is on and where it is off: nested, in threads, in tasks, in generators."""

import asyncio
import copy
import threading
from contextlib import ExitStack

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

KINDS = {
    "no_grad": (ours.no_grad, False),
    "inference_mode": (ours.inference_mode, False),
    "enable_grad": (ours.enable_grad, True),
    "set_grad_enabled": (lambda: ours.set_grad_enabled(False), False),
}


@pytest.fixture(params=KINDS)
def switch(request):
    """One context manager, and whether recording is on within."""
    make, within = KINDS[request.param]
    manager = make()
    with manager:  # set_grad_enabled acts from the moment when it is made
        assert ours.is_grad_enabled() is within
    assert ours.is_grad_enabled()
    return manager, within


def test_one_object_nests_with_itself(switch):
    manager, within = switch
    with ours.set_grad_enabled(not within), manager:
        assert ours.is_grad_enabled() is within
        with ours.set_grad_enabled(not within), manager:
            assert ours.is_grad_enabled() is within
            with manager:
                assert ours.is_grad_enabled() is within
        assert ours.is_grad_enabled() is within
    assert ours.is_grad_enabled()


def test_one_object_used_again_after_it_was_left(switch):
    manager, within = switch
    for outside in (True, False, True):
        with ours.set_grad_enabled(outside):
            with manager:
                assert ours.is_grad_enabled() is within
            assert ours.is_grad_enabled() is outside


def test_an_error_within_a_nested_use_restores_both(switch):
    manager, _ = switch
    with pytest.raises(KeyError), manager, manager:
        raise KeyError
    assert ours.is_grad_enabled()


def test_one_object_in_many_threads_at_once(switch):
    """Every thread enters before any leaves, and each leaves in another order."""
    manager, within = switch
    count = 6
    barrier, found = threading.Barrier(count), []

    def use(own):
        with ours.set_grad_enabled(own):
            with manager:
                barrier.wait()
                with manager:
                    found.append(ours.is_grad_enabled() is within)
                barrier.wait()
            found.append(ours.is_grad_enabled() is own)
        found.append(ours.is_grad_enabled())

    threads = [threading.Thread(target=use, args=(bool(i % 2),)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [True] * 3 * count


def test_one_object_in_tasks_that_take_turns(switch):
    manager, within = switch

    async def use(own):
        with ours.set_grad_enabled(own):
            for _ in range(3):
                with manager:
                    await asyncio.sleep(0)
                    assert ours.is_grad_enabled() is within
                await asyncio.sleep(0)
                assert ours.is_grad_enabled() is own

    async def main():
        await asyncio.gather(*(use(bool(i % 2)) for i in range(4)))

    asyncio.run(main())


def test_left_by_another_task_than_entered_it():
    """As fixtures do: the task that leaves never was within, and the one that entered stays."""
    manager = ours.no_grad()

    async def enter():
        manager.__enter__()
        return ours.is_grad_enabled()

    async def leave():
        manager.__exit__(None, None, None)
        return ours.is_grad_enabled()

    async def main():
        return await asyncio.create_task(enter()), await asyncio.create_task(leave())

    assert asyncio.run(main()) == (False, True)


def test_left_in_the_order_of_entering():
    """Two generators that hold no_grad between their steps, and end in the order in which they began."""

    def within(manager):
        with manager:
            yield ours.is_grad_enabled()

    first, second = within(ours.no_grad()), within(ours.enable_grad())
    assert next(first) is False and next(second) is True
    first.close()
    assert ours.is_grad_enabled()  # as the second one wants it
    second.close()
    assert ours.is_grad_enabled()  # as it was before the first one
    first, second, third = (within(ours.no_grad()) for _ in range(3))
    for generator in (first, second, third):
        next(generator)
    for generator in (second, first, third):
        assert ours.is_grad_enabled() is False
        generator.close()
    assert ours.is_grad_enabled()


def test_a_call_of_set_grad_enabled_within_ends_with_the_context(switch):
    manager, within = switch
    with manager:
        ours.set_grad_enabled(not within)
        assert ours.is_grad_enabled() is not within
    assert ours.is_grad_enabled()


def test_exit_stack():
    manager = ours.no_grad()
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(manager)
        stack.enter_context(ours.enable_grad())
        assert ours.is_grad_enabled()
    assert ours.is_grad_enabled()


def test_made_in_one_thread_and_entered_in_another():
    manager, found = ours.set_grad_enabled(False), []
    ours.set_grad_enabled(True)

    def use():
        with manager:
            found.append(ours.is_grad_enabled())
        found.append(ours.is_grad_enabled())

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert found == [False, True] and ours.is_grad_enabled()


def test_a_recursive_decorated_function(switch):
    manager, within = switch

    @manager
    def descend(n):
        assert ours.is_grad_enabled() is within
        return 0 if n == 0 else 1 + descend(n - 1)

    assert descend(3) == 3 and ours.is_grad_enabled()


@pytest.mark.parametrize(
    "decorator", [ours.no_grad, ours.no_grad(), ours.inference_mode, ours.inference_mode()]
)
def test_a_decorated_coroutine_runs_within_and_others_do_not(decorator):
    """PyTorch leaves recording on within a coroutine that it decorates; what is asked for is off."""
    found = []

    @decorator
    async def quiet(x):
        found.append(ours.is_grad_enabled())
        await asyncio.sleep(0)
        found.append(ours.is_grad_enabled())
        return x * 2

    async def loud():
        for _ in range(3):
            assert ours.is_grad_enabled()
            await asyncio.sleep(0)

    async def main():
        y, _ = await asyncio.gather(quiet(ours.ones(2, requires_grad=True)), loud())
        assert ours.is_grad_enabled()
        return y

    assert not asyncio.run(main()).requires_grad
    assert found == [False, False] and asyncio.iscoroutinefunction(quiet)


def test_a_decorated_asynchronous_generator_runs_within_at_every_step():
    found = []

    @ours.no_grad()
    async def steps():
        try:
            for i in range(3):
                found.append(ours.is_grad_enabled())
                try:
                    assert (yield i) == (None if i == 0 else i)
                except KeyError:
                    found.append(ours.is_grad_enabled())
        finally:
            found.append(ours.is_grad_enabled())

    async def main():
        running = steps()
        assert await running.asend(None) == 0 and ours.is_grad_enabled()
        assert await running.athrow(KeyError()) == 1 and ours.is_grad_enabled()
        assert await running.asend(1) == 2 and ours.is_grad_enabled()
        await running.aclose()

    asyncio.run(main())
    assert found == [False] * 5


def test_copies_of_an_entered_object_are_objects_of_their_own():
    manager = ours.no_grad()
    with manager:
        with copy.copy(manager):
            assert not ours.is_grad_enabled()
        assert not ours.is_grad_enabled()
    assert ours.is_grad_enabled()


def variable(*values, dtype=np.float64):
    return ours.tensor(np.array(values, dtype=dtype), requires_grad=True)


def test_no_grad_nests_and_decorates():
    x = variable(1.0)
    with ours.no_grad():
        assert not (x * 2).requires_grad
        with ours.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad

    @ours.no_grad()
    def f(depth):
        assert not (x * 2).requires_grad
        return f(depth - 1) if depth else 0

    f(3)
    assert (x * 2).requires_grad


def test_set_grad_enabled_acts_at_once_and_as_context():
    x = variable(1.0)
    ours.set_grad_enabled(False)
    try:
        assert not (x * 2).requires_grad
    finally:
        ours.set_grad_enabled(True)
    with ours.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_recording_is_restored_after_an_error_in_the_backward_pass():
    x = variable(1.0)
    y = x * x
    y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.backward()
    assert ours.is_grad_enabled()


def test_no_grad_is_local_to_the_thread():
    x = variable(1.0)
    inside, leave, found = threading.Event(), threading.Event(), []

    def other():
        with ours.no_grad():
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(5)
    found.append((x * 2).requires_grad)
    leave.set()
    thread.join()
    assert found == [True]


@pytest.mark.parametrize("t", [ours, torch])
def test_a_decorated_generator_runs_within_at_every_step(t):
    @t.no_grad()
    def steps():
        seen = [t.is_grad_enabled()]
        try:
            seen.append((yield t.is_grad_enabled()))
        except KeyError:
            seen.append("thrown")
        try:
            yield t.is_grad_enabled()
        finally:
            seen.append(t.is_grad_enabled())
            closed.extend(seen)
        return "end"

    closed: list = []
    running = steps()
    assert next(running) is False and t.is_grad_enabled()
    assert running.send("sent") is False and t.is_grad_enabled()
    with pytest.raises(StopIteration, match="end"):
        next(running)
    assert closed == [False, "sent", False]
    running = steps()
    next(running)
    assert running.throw(KeyError()) is False
    running.close()
    assert closed[3:] == [False, "thrown", False] and t.is_grad_enabled()


@pytest.mark.parametrize("t", [ours, torch])
def test_decorators_without_parentheses(t):
    @t.no_grad
    def off():
        return t.is_grad_enabled(), on()

    @t.enable_grad
    def on():
        return t.is_grad_enabled()

    assert off() == (False, True) and t.is_grad_enabled()


@pytest.mark.parametrize("t", [ours, pytest.param(torch, marks=pytest.mark.needs_torch)])
def test_a_variable_is_an_array_where_nothing_is_recorded(t):
    x = t.ones(2, requires_grad=True)
    with t.no_grad():
        assert x.numpy().tolist() == np.asarray(x).tolist() == [1, 1]
    with pytest.raises(RuntimeError, match=r"[Cc]an't call numpy\(\) on Tensor that requires grad"):
        x.numpy()
