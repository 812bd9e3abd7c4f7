"""A call that a worker makes while the caller goes on."""

import gc
import threading
import weakref

import pytest

from cnn_physics77.core.kernels.runtime import future as module
from cnn_physics77.core.kernels.runtime.future import Future
from cnn_physics77.core.kernels.runtime.scratch import arena


class Thing:
    """Something that can be referred to weakly."""


@pytest.fixture(params=["worker", "no worker"])
def workers(request, monkeypatch):
    if request.param == "no worker":  # busy, or the system allows no more threads
        monkeypatch.setattr(module.pool, "helpers", lambda count: [])
    return request.param


def test_the_result_is_what_the_function_returns(workers):
    future = Future(lambda: (threading.get_ident(), arena.frame is not None))
    if workers == "worker":
        assert future._done.wait(10)
        assert future.done()
        thread, in_block = future.result()
        assert thread != threading.get_ident()
    else:
        assert not future.done()
        thread, in_block = future.result()
        assert thread == threading.get_ident()
    assert in_block and future.done()
    assert future.result() == (thread, True)


def test_the_exception_of_the_function_is_raised_and_keeps_nothing_alive(workers):
    thing = Thing()
    seen = weakref.ref(thing)

    def fail(thing=thing):
        raise ZeroDivisionError(thing)

    future = Future(fail)
    with pytest.raises(ZeroDivisionError):
        future.result()
    gc.collect()
    gc.disable()  # what follows must not need the collector
    try:
        del fail, thing
        assert seen() is None
    finally:
        gc.enable()


def test_what_is_cancelled_before_it_begins_never_runs(monkeypatch):
    monkeypatch.setattr(module.pool, "helpers", lambda count: [])
    calls, thing = [], Thing()
    seen = weakref.ref(thing)
    future = Future(lambda thing=thing: calls.append(thing))
    del thing
    future.cancel()
    future._run()  # a worker that finds it in its queue
    assert calls == [] and seen() is None


def test_a_function_that_runs_is_not_cancelled():
    go = threading.Event()
    begun = threading.Event()
    future = Future(lambda: (begun.set(), go.wait(10)))
    assert begun.wait(10)
    future.cancel()
    assert not future.done()
    go.set()
    assert future.result() == (None, True)
