"""What is applied is what `status` says, and a policy ends with its block."""

import os
import subprocess
import sys
import threading

import pytest

from cnn_physics77 import get_num_threads, performance, set_num_threads
from cnn_physics77.core.autograd.execution import Fast, Plain, current_execution
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.performance import allocator


@pytest.fixture(autouse=True)
def threads_as_before():
    before = get_num_threads()
    yield
    set_num_threads(before)


def test_apply_sets_threads_and_says_so():
    found = performance.apply(threads=3, keep_freed_memory=False)
    assert found == performance.status() and found.threads == get_num_threads() == 3
    assert performance.apply(keep_freed_memory=False).threads == 3
    with pytest.raises(ValueError, match="set_num_threads: expected a positive int, found 0"):
        performance.apply(threads=0, keep_freed_memory=False)


def test_a_policy_restores_the_number_of_threads():
    set_num_threads(2)
    with performance.policy(threads=5) as inside:
        assert inside.threads == get_num_threads() == 5
        with pytest.raises(KeyError), performance.policy(threads=1):
            assert get_num_threads() == 1
            raise KeyError
        assert get_num_threads() == 5
        with performance.policy():
            assert get_num_threads() == 5
    assert get_num_threads() == 2
    with pytest.raises(ValueError, match="expected a positive int"), performance.policy(threads=-1):
        pass
    assert get_num_threads() == 2


def test_policies_of_several_threads_end_in_any_order():
    set_num_threads(4)
    kept, first_ends, second_ends = allocator.state(), threading.Event(), threading.Event()
    begun = [threading.Event(), threading.Event()]

    def within(index, threads, end):
        with performance.policy(threads=threads, keep_freed_memory=True):
            begun[index].set()
            assert end.wait(20)

    first = threading.Thread(target=within, args=(0, 1, first_ends))
    second = threading.Thread(target=within, args=(1, 2, second_ends))
    first.start()
    assert begun[0].wait(20) and get_num_threads() == 1
    second.start()
    assert begun[1].wait(20) and get_num_threads() == 2
    inside = allocator.state()
    with performance.policy(threads=3):
        first_ends.set()
        first.join()
        assert get_num_threads() == 3 and allocator.state() == inside
    assert get_num_threads() == 2
    second_ends.set()
    second.join()
    assert get_num_threads() == 4
    assert allocator.state() != allocator.KEPT or kept == allocator.KEPT


def test_a_policy_chooses_the_engine():
    assert current_execution() is Fast
    with performance.policy(engine="plain"):
        assert current_execution() is Plain
        with performance.policy(engine="fast"), performance.policy(threads=2):
            assert current_execution() is Fast
        assert current_execution() is Plain
    assert current_execution() is Fast
    with pytest.raises(ValueError, match="policy: expected engine 'plain' or 'fast', found 'slow'"):
        performance.policy(engine="slow").__enter__()


def test_status_in_words():
    found = performance.status()
    lines = dict(line.split(maxsplit=1) for line in str(found).splitlines())
    assert lines["threads"] == str(get_num_threads()) and lines["allocator"].startswith(allocator.state())
    assert blas.library is not None and lines["BLAS"].startswith(blas.library.path.name)
    unknown = performance.Status(2, 0, None, (), None, None, "untouched", False)
    assert str(unknown).splitlines() == [
        "threads    2",
        "pool       no worker started yet",
        "BLAS       no known control of its threads",
        "allocator  untouched",
    ]
    kept = performance.Status(2, 0, None, (), None, None, "keeps freed memory", True)
    assert str(kept).endswith("allocator  keeps freed memory, in pages of 2 MB")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors cannot be chosen here")
def test_status_before_and_after_the_first_parallel_work():
    program = """
import os
from cnn_physics77 import performance
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
before = performance.apply(threads=3)
assert before.workers == 0 and before.worker_processors == ()
if os.path.exists("/proc/self/task"):
    assert len(os.listdir("/proc/self/task")) == 1
parallel_for(lambda _: None, 4, 1e6)
after = performance.status()
assert after.workers == 2 and after.processors == before.processors == tuple(sorted(os.sched_getaffinity(0)))
assert len(after.worker_processors) == 2
for mask in after.worker_processors:
    assert set(mask) <= set(after.processors)
assert "2 workers started, on processors " in str(after)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
