"""Workers of a loader: waiting, persistence, and that nothing is left of them."""

import contextlib
import copy
import os
import queue
import signal
import subprocess
import sys
import threading
import time

import pytest

from cnn_physics77.core import loading as ours
from cnn_physics77.core.loading import workers
from cnn_physics77.core.operations.creation.random_sampling import rand
from cnn_physics77.core.recording import is_grad_enabled, no_grad
from cnn_physics77.core.tensor import tensor
from tests.core.loading.samples import LIMIT, Numbers, Stream, wait_until, worker_threads

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than processors

# ------------------------------------------------------------------------------- waiting and leaving


def test_timeout_is_an_error_and_the_batch_can_be_awaited_again():
    release = threading.Event()
    batches = iter(
        ours.DataLoader(Numbers(2, lambda index: release.wait(LIMIT)), num_workers=1, timeout=0.05)
    )
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"timed out after 0\.05 seconds"):
            next(batches)
    release.set()
    assert [batch.item() for batch in batches] == [0, 1]


def test_timeout_is_for_a_batch_not_for_an_arrival():
    """Batches of other workers that arrive meanwhile do not extend it."""
    release, loaded = threading.Event(), []

    def act(index):
        if index == 0:
            release.wait(LIMIT)
        else:
            loaded.append(index)
            time.sleep(0.05)

    batches = iter(ours.DataLoader(Numbers(1000, act), num_workers=2, timeout=0.3, prefetch_factor=50))
    with pytest.raises(RuntimeError, match="timed out"):
        next(batches)
    assert len(loaded) < 40  # of the other worker's 50
    del batches
    release.set()


def test_an_interruption_while_waiting_loses_no_batch(monkeypatch):
    interruptions = []

    class Arrivals:
        def __init__(self):
            self._queue = queue.SimpleQueue()

        def put(self, item):
            self._queue.put(item)

        def get(self, timeout):
            item = self._queue.get(timeout=timeout)
            if len(interruptions) < 5:  # as the signal that comes between a call and the use of its value
                interruptions.append(1)
                raise KeyboardInterrupt
            return item

    class Epoch(workers._Epoch):
        def __init__(self, count):
            super().__init__(count)
            self.arrivals = Arrivals()

    monkeypatch.setattr(workers, "_Epoch", Epoch)
    batches = iter(ours.DataLoader(Numbers(8, lambda index: time.sleep(0.01)), num_workers=2))
    found = []
    while len(found) < 8:
        with contextlib.suppress(KeyboardInterrupt):
            found.append(next(batches).item())
    assert found == list(range(8)) and len(interruptions) == 5
    assert list(batches) == []


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="sends a signal to this thread")
def test_control_c_interrupts_the_wait_and_the_loop_can_go_on():
    release, main = threading.Event(), threading.get_ident()
    batches = iter(ours.DataLoader(Numbers(3, lambda index: release.wait(LIMIT)), num_workers=1))
    threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT]).start()
    with contextlib.suppress(KeyboardInterrupt):
        next(batches)
        raise AssertionError("the wait was not interrupted")
    release.set()
    assert [batch.item() for batch in batches] == [0, 1, 2]


def leave_by_break(loader):
    for _ in loader:
        break


def leave_by_error(loader):
    with pytest.raises(ZeroDivisionError):
        for _ in loader:
            raise ZeroDivisionError


def leave_by_bad_sample(loader):
    batches = iter(loader)
    for _ in range(5):
        with contextlib.suppress(OSError):
            next(batches)


def leave_by_zip(loader):
    return list(zip(loader, range(2)))


def leave_in_a_generator(loader):
    generator = (batch for batch in loader)
    next(generator)
    generator.close()


LEAVING = [
    leave_by_break,
    leave_by_error,
    leave_by_bad_sample,
    leave_by_zip,
    leave_in_a_generator,
    iter,
    list,
]


@pytest.mark.parametrize("leave", [*LEAVING, list])
@pytest.mark.parametrize("settings", [{}, {"persistent_workers": True}, {"prefetch_factor": 50}])
def test_an_abandoned_iterator_ends_its_workers(leave, settings):
    loaded, gate = [], threading.Event()
    if leave is list:
        gate.set()

    def act(index):
        loaded.append(index)
        if index == 3 and leave is leave_by_bad_sample:
            raise OSError
        if index >= 10:
            gate.wait(LIMIT)

    loader = ours.DataLoader(Numbers(200, act), num_workers=2, **settings)
    leave(loader)
    gate.set()
    if settings.get("persistent_workers"):
        assert len(worker_threads()) == 2
        del loader
    wait_until(lambda: not worker_threads())  # otherwise although the loader is still there
    if leave is not list:
        assert len(loaded) <= 12  # what was prefetched is not worked off for nobody


def test_an_exhausted_iterator_ends_its_workers():
    batches = iter(ours.DataLoader(Numbers(4), num_workers=2))
    assert len(list(batches)) == 4
    wait_until(lambda: not worker_threads())
    assert list(batches) == []


def test_persistent_workers_stay_with_their_data_and_stream():
    started = []

    class Counting(Numbers):
        passes = 0

        def __getitem__(self, index):
            self.passes += 1
            return tensor([threading.get_native_id(), self.passes]), rand(1)

    loader = ours.DataLoader(
        Counting(2), num_workers=1, batch_size=None, persistent_workers=True, worker_init_fn=started.append
    )
    seen = [sample for _ in range(3) for sample in loader]
    assert started == [0] and len(worker_threads()) == 1
    assert len({int(what[0]) for what, _ in seen}) == 1
    assert [int(what[1]) for what, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert len({float(number) for _, number in seen}) == 6
    assert loader.dataset.passes == 0
    first, second = iter(loader), iter(loader)  # two passes at once, by the same workers
    assert [int(next(batches)[0][1]) for batches in (first, second, first, second)]
    del first, second
    for copied in (
        copy.copy(loader),
        copy.deepcopy(ours.DataLoader(range(3), num_workers=1, persistent_workers=True)),
    ):
        assert copied._pool is None
    del loader, copied


def test_persistent_workers_iterate_each_pass_from_the_start():
    loader = ours.DataLoader(Stream(5), batch_size=2, num_workers=2, persistent_workers=True)
    expected = [[0, 1], [0, 1], [2, 3], [2, 3], [4], [4]]
    for _ in range(2):
        assert [batch.tolist() for batch in loader] == expected
    assert [[a.tolist(), b.tolist()] for a, b in zip(loader, loader)] == [
        [batch, batch] for batch in expected
    ]
    leave_by_break(loader)
    assert [batch.tolist() for batch in loader] == expected
    del loader


def test_persistent_workers_are_replaced_after_one_has_exited():
    exits = [SystemExit()]

    def act(index):
        if index == 2 and exits:
            raise exits.pop()

    loader = ours.DataLoader(Numbers(4, act), num_workers=2, persistent_workers=True)
    other = iter(loader)
    next(other)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(loader) if exits else None
        list(other)
    with pytest.raises((RuntimeError, StopIteration)):
        next(other)
    assert [batch.item() for batch in loader] == [0, 1, 2, 3]
    del loader, other


@pytest.mark.parametrize(("ending", "code"), [("", 0), ("sys.exit(3)", 3), ("raise OSError('end')", 1)])
@pytest.mark.parametrize("sample", ["print(index)", "time.sleep(60)", "sum(range(1000))"])
def test_the_interpreter_exits_while_workers_run(ending, code, sample):
    script = f"""
import sys, time
from cnn_physics77.utils.data import DataLoader, Dataset
class Data(Dataset):
    def __len__(self):
        return 10**6
    def __getitem__(self, index):
        if index > 3:
            {sample}
        return index
batches = iter(DataLoader(Data(), num_workers=2, prefetch_factor=1000))
sys.stdout.write("got %d %d\\n" % (next(batches), next(batches)))  # in one piece, as workers print, too
{ending}
"""
    command = [sys.executable, "-W", "ignore", "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == code, run.stderr
    assert "got 0 1" in run.stdout and "Fatal" not in run.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("settings", [{}, {"persistent_workers": True}])
def test_a_forked_process_makes_iterators_of_its_own(settings):
    loader = ours.DataLoader(Numbers(6), num_workers=2, **settings)
    batches = iter(loader)
    assert next(batches).item() == 0
    child = os.fork()
    if child == 0:
        try:
            try:
                next(batches)
            except RuntimeError as error:
                told = "forked" in str(error)
            os._exit(0 if told and [batch.item() for batch in loader] == list(range(6)) else 1)
        finally:
            os._exit(2)
    deadline = time.monotonic() + LIMIT
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    if ended == (0, 0):
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert ended == (child, 0)
    assert [batch.item() for batch in batches] == [1, 2, 3, 4, 5]
    del loader, batches


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_are_recorded_where_the_loop_is(workers):
    class Recorded(ours.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return float(is_grad_enabled())

    loader = ours.DataLoader(Recorded(), batch_size=4, num_workers=workers)
    with no_grad():
        assert [batch.tolist() for batch in loader] == [[0, 0, 0, 0]]
    assert [batch.tolist() for batch in loader] == [[1, 1, 1, 1]]
