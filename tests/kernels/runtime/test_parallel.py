"""Parallel loops: every block once, the same bits for any number of threads, and no way to break them."""

import _thread
import os
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop, parallel_for, together
from cnn_physics77.core.kernels.runtime.pool import set_num_threads

LARGE = 1e6  # microseconds: always handed over


pytestmark = pytest.mark.usefixtures("two_threads")


def test_every_block_runs_once_and_both_threads_work():
    seen, names, both = [], set(), threading.Barrier(2, timeout=20)

    def block(index):
        seen.append(index)
        names.add(threading.current_thread().name)
        if index < 2:  # passes only if two threads are inside at once
            both.wait()

    parallel_for(block, 50, LARGE)
    assert sorted(seen) == list(range(50))
    assert len(names) == 2 and threading.current_thread().name in names


@pytest.mark.parametrize("count, blocks, microseconds", [(1, 8, LARGE), (2, 1, LARGE), (2, 8, 10.0)])
def test_small_work_and_one_thread_stay_with_the_caller(count, blocks, microseconds):
    set_num_threads(count)
    idents = []
    parallel_for(lambda _: idents.append(threading.get_ident()), blocks, microseconds)
    assert idents == [threading.get_ident()] * blocks


@pytest.mark.parametrize("count", [1, 2])
def test_a_block_is_as_silent_in_the_caller_as_in_a_worker(count):
    set_num_threads(count)
    with np.errstate(all="raise"):
        parallel_for(lambda _: np.zeros(1) / np.zeros(1), 6, LARGE)
        with pytest.raises(FloatingPointError):  # the caller's own settings are back
            np.zeros(1) / np.zeros(1)


def test_no_blocks():
    parallel_for(lambda _: pytest.fail("called"), 0, LARGE)


def test_nested_calls_run_in_the_thread_they_are_in():
    seen = np.zeros((4, 3), int)

    def outer(i):
        here = threading.get_ident()

        def inner(j):
            assert threading.get_ident() == here
            seen[i, j] += 1

        parallel_for(inner, 3, LARGE)

    parallel_for(outer, 4, LARGE)
    np.testing.assert_array_equal(seen, 1)


def test_calls_from_several_threads_at_once():
    totals = np.zeros((6, 40))

    def call(row):
        for _ in range(20):
            parallel_for(lambda i: totals[row].__setitem__(i, totals[row, i] + 1), 40, LARGE)

    callers = [threading.Thread(target=call, args=(row,)) for row in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    np.testing.assert_array_equal(totals, 20)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("bad", [0, 7])
def test_an_exception_reaches_the_caller_and_the_pool_stays_usable(count, bad):
    set_num_threads(count)

    def block(index):
        if index == bad:
            raise KeyError("block", index)

    for _ in range(3):
        with pytest.raises(KeyError) as caught:
            parallel_for(block, 8, LARGE)
        assert caught.value.args == ("block", bad)
    done = []
    parallel_for(done.append, 8, LARGE)
    assert sorted(done) == list(range(8))


def test_workers_say_nothing_of_what_is_not_a_number():
    both = threading.Barrier(2, timeout=20)
    infinite = np.full(3, np.inf)
    results = [None, None]

    def block(index):
        both.wait()
        results[index] = infinite - infinite

    with np.errstate(invalid="ignore"):
        parallel_for(block, 2, LARGE)  # a warning would be an error here
    assert np.isnan(results).all()


def test_an_exception_drops_the_blocks_not_yet_begun():
    begun = []

    def block(index):
        begun.append(index)
        raise ValueError

    with pytest.raises(ValueError):
        parallel_for(block, 100, LARGE)
    assert len(begun) <= 2


def test_interrupt_while_a_worker_is_busy_waits_for_it():
    main, state = threading.get_ident(), {"worker": "not begun"}
    begun = threading.Event()

    def block(_):
        if threading.get_ident() == main:
            begun.wait(20)
            return
        state["worker"] = "busy"
        begun.set()
        _thread.interrupt_main()
        time.sleep(0.2)
        state["worker"] = "done"

    with pytest.raises(KeyboardInterrupt):
        parallel_for(block, 2, LARGE)
    assert state["worker"] == "done"
    done = []
    parallel_for(done.append, 8, LARGE)
    assert sorted(done) == list(range(8))


def test_a_loop_begins_where_the_one_before_has_ended():
    set_num_threads(1)
    orders = []
    for _ in range(4):
        order = []
        parallel_for(order.append, 3, LARGE)
        orders.append(order)
    rising, falling = [0, 1, 2], [2, 1, 0]
    assert orders in ([rising, falling] * 2, [falling, rising] * 2)


@pytest.mark.parametrize("count", [1, 2])
def test_several_loops_together_are_one(count):
    set_num_threads(count)
    seen = []
    loops = [
        ParallelLoop(lambda i, name=name: seen.append((name, i)), n, LARGE)
        for name, n in (("a", 3), ("b", 2), ("c", 0))
    ]
    assert seen == []
    together(loops)
    expected = [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)]  # the same shares together
    assert sorted(seen) == sorted(expected)
    assert count > 1 or seen in (expected, expected[::-1])
    together([])
    together(iter(loops[:1]))
    assert len(seen) == 8
    with pytest.raises(IndexError):
        together([loops[1], ParallelLoop(lambda i: [][i], 3, LARGE)])


def test_loops_together_are_shared_where_each_alone_would_be_too_short():
    both, names = threading.Barrier(2, timeout=20), set()

    def block(_):
        names.add(threading.get_ident())
        both.wait()  # passes only if two threads are inside at once

    together([ParallelLoop(block, 1, microseconds=100.0)] * 2)
    assert len(names) == 2


def test_an_error_is_not_kept_alive_by_the_loop_that_raised_it():
    class Held:
        pass

    def work(held):
        raise KeyError

    held = Held()
    alive = weakref.ref(held)
    with pytest.raises(KeyError) as caught:
        parallel_for(lambda _, held=held: work(held), 4, LARGE)
    del held, caught
    assert alive() is None


def test_a_loop_that_has_ended_keeps_no_arrays_alive_in_the_queue_of_a_busy_worker():
    set_num_threads(2)
    begun, go = threading.Event(), threading.Event()

    def hold(index):
        if threading.current_thread().name == "cnn_physics77-worker":
            begun.set()
            assert go.wait(20)
        else:
            begun.wait(20)

    busy = threading.Thread(target=parallel_for, args=(hold, 2, LARGE))
    busy.start()
    assert begun.wait(20)
    array = np.zeros(3)
    alive = weakref.ref(array)
    parallel_for(lambda _, array=array: array.sum(), 4, LARGE)  # the worker has it in its queue
    del array
    assert alive() is None
    go.set()
    busy.join()


def test_a_block_that_several_threads_could_take_is_run_once():
    """With threads that change hands as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for count in (2, 3, 8):
            set_num_threads(count)
            for _ in range(30):
                seen = []
                parallel_for(seen.append, 200, LARGE)
                assert sorted(seen) == list(range(200))
    finally:
        sys.setswitchinterval(before)


def test_callers_and_helpers_that_change_hands_all_the_time():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    totals, errors = np.zeros((4, 20)), []

    def call(row):
        try:
            for number in range(60):
                parallel_for(lambda i: totals[row].__setitem__(i, totals[row, i] + 1), 20, LARGE)
                if number % 10 == 0:
                    with pytest.raises(KeyError, match=str(row)):
                        parallel_for({}.__getitem__ if row == 0 else lambda _: {}[row], 3, LARGE)
        except BaseException as error:
            errors.append(error)

    try:
        callers = [threading.Thread(target=call, args=(row,)) for row in range(1, 4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(60)
    finally:
        sys.setswitchinterval(before)
    assert errors == []
    np.testing.assert_array_equal(totals[1:], 60)


def test_a_signal_handler_that_computes_disturbs_nothing():
    """Whatever it interrupts: a block, its scratch memory, the wait for a helper."""
    subprocess.run([sys.executable, "-c", HANDLER], check=True, timeout=100)


HANDLER = """
import faulthandler, signal
import numpy as np
from cnn_physics77.core.kernels.activation import gelu
from cnn_physics77.core.kernels.runtime import parallel, pool, scratch

faulthandler.dump_traceback_later(90, exit=True)
pool.set_num_threads(2)
calls = []
small = np.linspace(-3, 3, 5000)
expected = gelu(small).copy()

def sums(value):
    found = np.zeros(6)
    def block(i):
        memory = scratch.scratch("same name", (20_000,), np.float64)
        memory.fill(value)
        for _ in range(3):
            np.add(memory, 0, out=memory)
        found[i] = memory.mean()
    loops = [parallel.ParallelLoop(block, 3, 1e4), parallel.ParallelLoop(lambda i: block(3 + i), 3, 1e4)]
    parallel.together(loops)
    assert (found == value).all(), (value, found)

def handler(*_):
    calls.append(1)
    sums(7.0)
    assert (gelu(-small) == other).all()
    signal.setitimer(signal.ITIMER_REAL, 0.0007)  # one at a time, however slow the machine is

other = gelu(-small).copy()
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0007)
while len(calls) < 500:
    sums(3.0)
    assert (gelu(small) == expected).all()
signal.setitimer(signal.ITIMER_REAL, 0)
"""


INTERRUPTED = """
import faulthandler, signal
import numpy as np
from cnn_physics77.core.kernels.runtime import parallel, pool

def interrupt(*_):
    raise KeyboardInterrupt

faulthandler.dump_traceback_later(90, exit=True)
pool.set_num_threads(2)
signal.signal(signal.SIGALRM, interrupt)
random, ones, count = np.random.default_rng(0), np.ones(20_000), 0
while count < 500:
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0003, 0.003))
        while True:
            parallel.parallel_for(lambda _: ones.sum(), 6, 1e4)
            parallel.parallel_for(lambda _: parallel.parallel_for(lambda _: ones.sum(), 2, 1e4), 3, 1e4)
    except KeyboardInterrupt:
        count += 1
signal.setitimer(signal.ITIMER_REAL, 0)
sums = np.zeros(50)
parallel.parallel_for(lambda i: sums.__setitem__(i, ones.sum()), 50, 1e4)
assert (sums == 20_000).all()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the interval timer is one of POSIX")
def test_ctrl_c_at_any_moment_never_hangs_the_pool():
    subprocess.run([sys.executable, "-c", INTERRUPTED], check=True, timeout=100)
