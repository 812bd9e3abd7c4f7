"""Scratch memory: apart within a block, the same from block to block, never that of another thread."""

import functools
import threading

import numpy as np
import pytest

from cnn_physics77.core.kernels.runtime import scratch as module
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.pool import set_num_threads
from cnn_physics77.core.kernels.runtime.scratch import SCRATCH_BYTES, run_block, scratch

LARGE = 1e6  # microseconds: always handed over
pytestmark = pytest.mark.usefixtures("two_threads")


@pytest.fixture(autouse=True)
def fresh_arena(monkeypatch):
    monkeypatch.setattr(module, "arena", module.Arena())
    monkeypatch.setattr("cnn_physics77.core.kernels.runtime.parallel.arena", module.arena)


def in_a_block(test):
    """The test as one block."""

    @functools.wraps(test)
    def run(*arguments, **options):
        run_block(test, *arguments, **options)

    return run


@in_a_block
def test_an_array_is_aligned_and_apart_from_those_of_other_names_and_threads():
    first = scratch("test", (4, 5), np.float32)
    assert first.shape == (4, 5) and first.dtype == np.float32 and first.flags.c_contiguous
    assert first.ctypes.data % 64 == 0
    assert np.shares_memory(first, scratch("test", (2, 3), np.float64))  # the same memory for the same name
    assert not np.shares_memory(first, scratch("other", (4, 5), np.float32))
    elsewhere = []
    thread = threading.Thread(
        target=run_block, args=(lambda: elsewhere.append(scratch("test", (4, 5), np.float32)),)
    )
    thread.start()
    thread.join()
    assert not np.shares_memory(first, elsewhere[0])
    larger = scratch("test", (400, 5), np.float32)  # grows, and the smaller one stays valid
    first[...] = 1
    assert larger.size == 2000 and np.all(first == 1)
    beyond = (SCRATCH_BYTES // 8 + 1,)
    assert not np.shares_memory(scratch("huge", beyond, np.float64), scratch("huge", beyond, np.float64))
    assert scratch("empty", (0, 3), np.float64).shape == (0, 3)


def test_blocks_of_all_names_share_one_piece_of_memory():
    set_num_threads(1)
    found = []

    def block(index):
        a, b = scratch(f"a{index}", (1000,), np.float64), scratch(f"b{index}", (10,), np.int8)
        assert not np.shares_memory(a, b)
        found.append(a)

    for _ in range(2):
        parallel_for(block, 3, 0)
    assert all(np.shares_memory(found[0], a) for a in found)


@in_a_block
def test_beyond_what_is_reserved_there_is_memory_too(monkeypatch):
    monkeypatch.setattr(module, "ARENA_BYTES", 10_000)
    arrays = [scratch(name, (1000,), np.float64) for name in "abc"]
    for i, array in enumerate(arrays):
        array.fill(i)
    assert [array.mean() for array in arrays] == [0, 1, 2]


def test_arrays_of_a_block_stay_apart_from_those_of_blocks_inside_of_it():
    sums = np.zeros((4, 3))

    def outer(i):
        mine = scratch("outer", (50_000,), np.float64)
        mine.fill(i)

        def inner(j):
            scratch("inner", (50_000,), np.float64).fill(100)
            sums[i, j] = mine.mean()

        parallel_for(inner, 3, LARGE)

    for _ in range(3):
        sums.fill(0)
        parallel_for(outer, 4, LARGE)
        np.testing.assert_array_equal(sums, np.arange(4.0)[:, None] * np.ones(3))


def test_a_loop_inside_of_a_block_may_use_the_same_names():
    """As the loop of a signal handler does, which may interrupt a block anywhere."""
    sums = np.zeros(4)

    def outer(i):
        mine = scratch("same", (50_000,), np.float64)
        mine.fill(i)
        parallel_for(lambda _: scratch("same", (50_000,), np.float64).fill(100), 3, LARGE)
        run_block(lambda: scratch("same", (50_000,), np.float64).fill(200))
        sums[i] = mine.mean()
        assert np.shares_memory(mine, scratch("same", (50_000,), np.float64))

    parallel_for(outer, 4, LARGE)
    np.testing.assert_array_equal(sums, np.arange(4.0))


def test_outside_of_blocks_each_array_is_new():
    first, second = (scratch("test", (4, 5), np.float32) for _ in range(2))
    assert not np.shares_memory(first, second)


def test_after_an_error_the_next_block_begins_anew():
    set_num_threads(1)

    def fail(_):
        scratch("lost", (1000,), np.float64)
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        parallel_for(fail, 1, 0)
    assert module.arena.frame is None

    def block(_):
        scratch("other", (10,), np.float64)
        assert list(module.arena.frame.arrays) == ["other"] and module.arena.frame.start == 0

    parallel_for(block, 1, 0)
