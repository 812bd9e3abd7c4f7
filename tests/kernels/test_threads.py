"""The worker pool: every block once, the same bits for any number of threads, and no way to break it."""

import _thread
import functools
import os
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest
import threadpoolctl

from cnn_physics77.core.kernels import threads
from cnn_physics77.core.kernels.threads import (
    begin_errand,
    blas,
    get_num_threads,
    parallel_for,
    set_num_threads,
)

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


def test_each_region_begins_where_the_one_before_has_ended(monkeypatch):
    orders = []

    class Recorded(threads.Job):
        def __init__(self, function, blocks):
            orders.append(list(blocks))
            super().__init__(function, blocks)

    monkeypatch.setattr(threads, "Job", Recorded)
    for _ in range(3):
        parallel_for(lambda _: None, 3, LARGE)
    set_num_threads(1)
    for _ in range(3):
        parallel_for(lambda _: None, 3, LARGE)
    rising, falling = [0, 1, 2], [2, 1, 0]
    assert orders in ([rising, falling] * 3, [falling, rising] * 3)


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_child_has_a_pool_of_its_own():
    # in an interpreter of its own: this one may hold threads of other libraries
    program = """
import os, threading
from cnn_physics77.core.kernels import threads
threads.set_num_threads(2)
threads.parallel_for(lambda i: None, 4, 1e6)
read, write = os.pipe()
child = os.fork()
if child == 0:
    both = threading.Barrier(2, timeout=20)
    threads.parallel_for(lambda i: both.wait(), 2, 1e6)
    os.write(write, b"child")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
both = threading.Barrier(2, timeout=20)
threads.parallel_for(lambda i: both.wait(), 2, 1e6)
print(os.read(read, 5).decode(), "and parent")
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert result.stdout == "child and parent\n", result.stderr


def test_no_thread_is_started_by_import():
    program = (
        "import threading; from cnn_physics77.core.kernels import threads; print(threading.active_count());"
        "threads.parallel_for(lambda i: None, 4, 10.0); print(threading.active_count())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert result.stdout.split() == ["1", "1"], result.stderr


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", None, True])
def test_set_num_threads_takes_positive_ints_only(bad):
    with pytest.raises(ValueError, match="set_num_threads: expected a positive int"):
        set_num_threads(bad)
    assert get_num_threads() == 2


@pytest.mark.parametrize(
    "own, openmp, expected",
    [("3", "5", 3), (None, "5", 5), (None, "4,2", 4), ("", "", None), (None, None, None)],
)
def test_the_default_comes_from_the_environment_then_from_the_cores(monkeypatch, own, openmp, expected):
    for variable, value in (("CNN_PHYSICS77_NUM_THREADS", own), ("OMP_NUM_THREADS", openmp)):
        monkeypatch.delenv(variable, raising=False)
        if value is not None:
            monkeypatch.setenv(variable, value)
    monkeypatch.setattr(threads, "_threads", None)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert get_num_threads() == (expected or cores)


@pytest.mark.parametrize("value", ["0", "two", "-1"])
def test_a_bad_environment_variable_is_named(monkeypatch, value):
    monkeypatch.setattr(threads, "_threads", None)
    monkeypatch.setenv("CNN_PHYSICS77_NUM_THREADS", value)
    with pytest.raises(ValueError, match=f"CNN_PHYSICS77_NUM_THREADS: expected .* found '{value}'"):
        get_num_threads()


def test_blas_is_held_to_one_thread_inside_and_restored():
    def blas_threads():
        return [
            pool["num_threads"]
            for pool in threadpoolctl.threadpool_info()
            if pool["user_api"] == "blas" and os.path.samefile(pool["filepath"], blas.path)
        ]

    assert blas.path is not None and blas.path.name in str(blas)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        inside = []
        parallel_for(lambda _: inside.append(blas_threads()), 3, 10.0)
        assert inside == [[1]] * 3
        assert blas_threads() == [2]
        with pytest.raises(ZeroDivisionError):
            parallel_for(lambda _: 1 / 0, 3, LARGE)
        with blas, blas:
            assert blas_threads() == [1]
        assert blas_threads() == [2]


def test_an_unknown_blas_is_said_to_be_unknown_and_left_alone(monkeypatch):
    monkeypatch.setattr(threads, "_loaded_libraries", lambda: iter(()))
    unknown = threads.Blas()
    with unknown:
        assert unknown.path is None
    assert "without a known control" in str(unknown)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen here")
def test_workers_stay_off_the_callers_processor(monkeypatch):
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        assert get_num_threads() == 2  # one processor: there is nothing to choose, and it still works
        parallel_for(lambda _: None, 4, LARGE)
        return
    for processor in sorted(allowed)[:2]:
        monkeypatch.setattr(threads, "current_processor", lambda processor=processor: processor)
        both = threading.Barrier(2, timeout=20)
        masks = {}

        def block(_, both=both, masks=masks):
            both.wait()
            masks[threading.current_thread().name] = os.sched_getaffinity(0)

        parallel_for(block, 2, LARGE)
        assert masks.pop("cnn_physics77-worker") == allowed - {processor}
        assert list(masks.values()) == [allowed]  # the caller itself may go where it likes


def test_gathered_work_is_one_region():
    seen = []
    region = threads.Region()
    parallel_for(lambda i: seen.append(("a", i)), 3, LARGE, region)
    parallel_for(lambda i: seen.append(("b", i)), 2, LARGE, region)
    parallel_for(lambda i: seen.append(("c", i)), 1, LARGE)  # as a signal's handler may do in between
    assert seen == [("c", 0)]
    region.run()
    assert sorted(seen) == [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("c", 0)]
    region.run()
    assert len(seen) == 6  # once
    parallel_for(lambda i: [][i], 3, LARGE, region)
    with pytest.raises(IndexError):
        region.run()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen here")
def test_workers_follow_the_callers_processors_and_share_them_where_they_are_few():
    allowed = os.sched_getaffinity(0)

    def masks(count):
        set_num_threads(count)
        both, found = threading.Barrier(count, timeout=20), {}

        def block(_):
            both.wait()
            found[threading.get_ident()] = os.sched_getaffinity(0)

        parallel_for(block, count, LARGE)
        return list(found.values())

    assert masks(len(allowed) + 1) == [allowed] * (len(allowed) + 1)  # none is squeezed together with others
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert masks(2) == [{min(allowed)}] * 2
    finally:
        os.sched_setaffinity(0, allowed)
    assert all(len(mask) >= max(1, len(allowed) - 1) for mask in masks(2))


def test_an_errand_is_done_by_another_thread_while_its_sender_goes_on():
    begun, goes_on = threading.Event(), threading.Event()

    def function():
        begun.set()
        assert goes_on.wait(20)
        return threading.get_ident()

    errand = begin_errand(function)
    assert begun.wait(20)
    parallel_for(lambda _: goes_on.set(), 4, LARGE)  # the caller's own work does not wait for it
    assert errand.result() != threading.get_ident()


def test_whoever_waits_for_an_errand_helps_with_its_blocks():
    both, results, begun = threading.Barrier(2, timeout=20), [], threading.Event()

    def function():
        begun.set()
        parallel_for(lambda i: (both.wait(), results.append(i)), 2, LARGE)  # only two threads pass
        return threading.get_ident()

    errand = begin_errand(function)
    assert begun.wait(20)
    assert errand.result() != threading.get_ident()
    assert sorted(results) == [0, 1]


def test_who_comes_back_from_an_errand_helps_with_the_blocks_in_progress():
    errand = begin_errand(lambda: None)
    both = threading.Barrier(2, timeout=20)
    parallel_for(lambda i: both.wait() if i in (1, 2) else None, 4, LARGE)
    errand.result()


def test_an_errand_not_begun_is_done_by_its_sender():
    busy, go = threading.Event(), threading.Event()

    def hold():
        busy.set()
        assert go.wait(20)

    first = begin_errand(hold)
    assert busy.wait(20)
    second = begin_errand(threading.get_ident)
    assert second.result() == threading.get_ident()
    go.set()
    first.result()


def test_an_errand_keeps_nothing_alive_and_its_error_reaches_the_sender():
    array = np.zeros(3)
    held = weakref.ref(array)

    def fails(array):
        raise KeyError(len(array))

    errand = begin_errand(functools.partial(fails, array))
    del array
    with pytest.raises(KeyError, match="3"):
        errand.result()
    assert held() is None
    assert begin_errand(lambda: np.ones(3).sum()).result() == 3


def test_an_error_is_not_kept_alive_by_the_work_that_raised_it():
    class Held:
        pass

    def work(held):
        raise KeyError

    for begin in (
        lambda held: parallel_for(lambda _: work(held), 4, LARGE),
        lambda held: begin_errand(functools.partial(work, held)).result(),
        lambda held: begin_errand(lambda: parallel_for(lambda _: work(held), 4, LARGE)).result(),
    ):
        held = Held()
        alive = weakref.ref(held)
        with pytest.raises(KeyError) as caught:
            begin(held)
        del held, caught
        assert alive() is None


def test_an_errand_that_was_abandoned_leaves_nothing():
    busy, go, done = threading.Event(), threading.Event(), []

    def hold():
        busy.set()
        assert go.wait(20)
        raise KeyError

    first = begin_errand(hold)
    assert busy.wait(20)
    second = begin_errand(lambda: done.append(1))
    for errand in (first, second):
        errand.abandon()
    go.set()
    third = begin_errand(lambda: 3)
    assert third.result() == 3
    parallel_for(lambda _: None, 4, LARGE)
    assert done == []


def test_an_errand_is_as_silent_as_its_sender():
    with np.errstate(all="ignore"):
        errand = begin_errand(lambda: np.zeros(1) / np.zeros(1))
    assert np.isnan(errand.result()).all()
    with np.errstate(all="raise"):
        errand = begin_errand(lambda: np.zeros(1) / np.zeros(1))
    with pytest.raises(FloatingPointError):
        errand.result()


def test_one_thread_sends_nobody():
    set_num_threads(1)
    assert begin_errand(lambda: pytest.fail("called")) is None


@pytest.mark.parametrize("count", [2, 3, 5])
def test_errands_and_regions_of_several_callers(count):
    set_num_threads(count)
    totals = np.zeros((4, 30))

    def add(row, amount):
        parallel_for(lambda i: totals[row].__setitem__(i, totals[row, i] + amount), 30, LARGE)
        return amount

    def call(row):
        for _ in range(50):
            errand = begin_errand(functools.partial(add, row, 1))
            parallel_for(lambda _: None, 5, LARGE)
            add(row, errand.result())

    callers = [threading.Thread(target=call, args=(row,)) for row in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    np.testing.assert_array_equal(totals, 100)


INTERRUPTED = """
import faulthandler, signal, time
import numpy as np
from cnn_physics77.core.kernels import threads

def interrupt(*_):
    raise KeyboardInterrupt

faulthandler.dump_traceback_later(40, exit=True)
threads.set_num_threads(2)
signal.signal(signal.SIGALRM, interrupt)
random, ones, count, end = np.random.default_rng(0), np.ones(20_000), 0, time.monotonic() + 4
while time.monotonic() < end:
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0003, 0.003))
        while True:
            threads.parallel_for(lambda _: ones.sum(), 6, 1e4)
            errand = threads.begin_errand(lambda: threads.parallel_for(lambda _: ones.sum(), 6, 1e4))
            threads.parallel_for(lambda _: ones.sum(), 3, 1e4)
            errand.result()
    except KeyboardInterrupt:
        count += 1
signal.setitimer(signal.ITIMER_REAL, 0)
sums = np.zeros(50)
threads.parallel_for(lambda i: sums.__setitem__(i, ones.sum()), 50, 1e4)
assert count > 100 and (sums == 20_000).all()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the interval timer is one of POSIX")
def test_ctrl_c_at_any_moment_never_hangs_the_pool():
    subprocess.run([sys.executable, "-c", INTERRUPTED], check=True, timeout=100)
