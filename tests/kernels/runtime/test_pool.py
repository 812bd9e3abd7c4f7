"""The pool: how many threads there are, when they start, where they run and when they end."""

import os
import subprocess
import sys
import threading

import pytest

from cnn_physics77.core.kernels.runtime import pool as module
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.pool import get_num_threads, set_num_threads

LARGE = 1e6  # microseconds: always handed over
pytestmark = pytest.mark.usefixtures("two_threads")


def run(program):
    """What the program prints, in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_thread_is_started_before_the_first_work_that_is_worth_it():
    program = """
import threading
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
print(threading.active_count())
parallel_for(lambda i: None, 4, 10.0)
print(threading.active_count())
"""
    assert run(program).split() == ["1", "1"]


def test_the_interpreter_ends_after_the_workers():
    program = """
import atexit, threading
from time import sleep
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.pool import pool, set_num_threads

def last():
    parallel_for(lambda _: None, 4, 1e6)  # still right, by the caller alone
    print(len(pool.workers), all(not worker.thread.is_alive() for worker in workers), *done)

set_num_threads(3)
atexit.register(last)  # before that of the pool, so it runs after it
parallel_for(lambda _: None, 4, 1e6)
workers, done, begun = list(pool.workers), [], threading.Event()

def block(index):
    begun.set()
    sleep(0.2)
    done.append(index)

threading.Thread(target=parallel_for, args=(block, 3, 1e6), daemon=True).start()
begun.wait(20)
"""
    count, ended, *done = run(program).split()
    assert (count, ended) == ("0", "True") and done


def test_fewer_threads_than_asked_for_do_all_the_work(monkeypatch):
    def refuse():
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(module, "Worker", refuse)
    set_num_threads(len(module.pool.workers) + 2)
    done = []
    parallel_for(done.append, 8, LARGE)
    assert sorted(done) == list(range(8))


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
    monkeypatch.setattr(module, "_threads", None)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert get_num_threads() == (expected or cores)


@pytest.mark.parametrize("value", ["0", "two", "-1"])
def test_a_bad_environment_variable_is_named(monkeypatch, value):
    monkeypatch.setattr(module, "_threads", None)
    monkeypatch.setenv("CNN_PHYSICS77_NUM_THREADS", value)
    with pytest.raises(ValueError, match=f"CNN_PHYSICS77_NUM_THREADS: expected .* found '{value}'"):
        get_num_threads()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen here")
def test_workers_stay_off_the_callers_processor(monkeypatch):
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        assert get_num_threads() == 2  # one processor: there is nothing to choose, and it still works
        parallel_for(lambda _: None, 4, LARGE)
        return
    for processor in sorted(allowed)[:2]:
        monkeypatch.setattr(module, "current_processor", lambda processor=processor: processor)
        both = threading.Barrier(2, timeout=20)
        masks = {}

        def block(_, both=both, masks=masks):
            both.wait()
            masks[threading.current_thread().name] = os.sched_getaffinity(0)

        parallel_for(block, 2, LARGE)
        assert masks.pop("cnn_physics77-worker") == allowed - {processor}
        assert list(masks.values()) == [allowed]  # the caller itself may go where it likes


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
