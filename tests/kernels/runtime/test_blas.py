"""BLAS is held to one thread inside of parallel loops, and as it was outside."""

import os
import threading

import numpy as np
import pytest
import threadpoolctl

from cnn_physics77.core.kernels.runtime import blas as module
from cnn_physics77.core.kernels.runtime.blas import Blas, blas
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.scratch import arena
from tests.ctrl_c import CtrlC, interrupted, places_of

LARGE = 1e6  # microseconds: always handed over
pytestmark = pytest.mark.usefixtures("two_threads")


def blas_threads():
    """As threadpoolctl reads them, of the same library."""
    return [
        pool["num_threads"]
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas" and os.path.samefile(pool["filepath"], blas.library.path)
    ]


def test_blas_is_held_to_one_thread_inside_and_restored():
    assert blas.library is not None and blas.library.path.name in str(blas)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        inside = []
        parallel_for(lambda _: inside.append(blas_threads()), 3, 10.0)
        assert inside == [[1]] * 3
        assert blas_threads() == [2]
        with pytest.raises(ZeroDivisionError):
            parallel_for(lambda _: 1 / 0, 3, LARGE)
        for found in (
            blas.in_one_thread(blas.in_one_thread, blas_threads),
            blas.in_one_thread(lambda: [blas.threads]),
        ):
            assert found == [1]
        assert blas.in_one_thread(lambda: (blas.threads_outside, str(blas).split()[1])) == (2, "2")
        assert blas_threads() == [2] and blas.threads == 2


def test_ctrl_c_at_each_place_leaves_nothing_as_it_is_inside():
    files = tuple(f"runtime/{name}.py" for name in ("blas", "parallel", "scratch")) + ("fp_errors.py",)

    def work():
        parallel_for(lambda block: None, 2, 10.0)

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        for place in places_of(work, files):
            error = interrupted(work, CtrlC(files, place))
            assert error is not None, place
            assert blas.threads == 2 and not blas._holders and arena.frame is None, place
            assert np.geterr()["divide"] == "warn", place


def test_an_unknown_blas_is_said_to_be_unknown_and_left_alone(monkeypatch):
    monkeypatch.setattr(module, "_loaded_libraries", lambda: iter(()))
    unknown = Blas()
    assert unknown.in_one_thread(lambda: (unknown.library, unknown.threads)) == (None, None)
    assert "without a known control" in str(unknown)


def test_blas_is_held_until_the_last_of_several_threads_has_left():
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        wrong = []

        def hold():
            for _ in range(300):
                found = blas.in_one_thread(lambda: blas.threads)
                if found != 1:
                    wrong.append(found)

        threads = [threading.Thread(target=hold) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == [] and blas_threads() == [2]
