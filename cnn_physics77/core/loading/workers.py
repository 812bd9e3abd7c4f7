"""The workers of a loader: threads that fetch batches, and the iterator that returns the batches.

Each worker has a queue of jobs. A job is the number of a batch and its indices, and belongs to a pass over
the data set. A worker answers every job of an open pass with one result: a batch, the end of its iterable, or
the error that was raised. A worker does not refer to the iterator or the loader, so both are freed, and their
workers end, as soon as the user drops them.
"""

from __future__ import annotations

import atexit
import copy
import functools
import itertools
import os
import queue
import random
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn_physics77.core.random import Generator, seed_thread
from cnn_physics77.core.recording import is_grad_enabled, set_grad_enabled

from .dataset import Dataset
from .fetch import Fetcher, IterableFetcher

MakeFetcher = Callable[[Any], Fetcher]

CHECK_INTERVAL = 1.0  # seconds between two checks whether the worker is still alive
EXIT_GRACE = 2.0  # seconds that the interpreter, at exit, waits for the workers' current samples


@dataclass(frozen=True)
class WorkerRandom:
    """The random generators of one worker: three independent streams.

    Attributes:
        random_generator: Python's.
        torch_generator: the worker's default generator, from which ``rand`` and others draw.
        numpy_generator: NumPy's.
    """

    random_generator: random.Random
    torch_generator: Generator
    numpy_generator: np.random.Generator


@dataclass(frozen=True)
class WorkerInfo:
    """Information about a worker; see `get_worker_info`.

    Attributes:
        id: 0 to num_workers - 1.
        num_workers: the number of workers.
        seed: the seed of its random numbers: the loader's base seed + id.
        dataset: its data set. A `Dataset` is copied (shallowly), so its attributes belong to the worker; any
            other object is shared by all workers.
        rng: its random generators.
        worker_method: "thread".
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: WorkerRandom | None = None
    worker_method: str = "thread"


class _Current(threading.local):
    info: WorkerInfo | None = None


_current = _Current()


def get_worker_info() -> WorkerInfo | None:
    """The `WorkerInfo` of the calling thread; None if it is not a worker of a loader.

    >>> get_worker_info() is None
    True
    """
    return _current.info


class _Failure:
    """An exception that is passed from a worker to the training loop.

    Attributes:
        error: the exception.
        worker: the worker's number; None if the sampler raised it.
        fatal: whether it ends the pass: the worker could not start, or has exited.
    """

    def __init__(self, error: BaseException, worker: int | None, fatal: bool = False) -> None:
        self.error = error
        self.worker = worker
        self.fatal = fatal

    def to_raise(self) -> BaseException:
        """The exception for the training loop: RuntimeError in place of an exception that ends a thread."""
        if self.worker is None:
            return self.error
        if not isinstance(self.error, Exception):
            failure = RuntimeError(
                f"DataLoader worker {self.worker} exited "
                f"unexpectedly: {type(self.error).__name__}({self.error}) was raised in it"
            )
            failure.__cause__ = self.error
            return failure
        note = f"Raised in DataLoader worker {self.worker}."
        if note not in getattr(self.error, "__notes__", ()):
            self.error.add_note(note)
        return self.error


_END = object()  # the result of a worker whose iterable is exhausted


class _Epoch:
    """The state that the iterator and the workers share during one pass over the data set.

    Attributes:
        fetchers: by worker; each worker makes its own.
        results: job -> result. A result is stored here before `arrivals` announces it, so that no result is
            lost if the waiting thread is interrupted.
        closed: set when the results are no longer needed.
    """

    def __init__(self, workers: int) -> None:
        self.fetchers: list[Any] = [None] * workers
        self.results: dict[int, Any] = {}
        self.arrivals: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.closed = False


@dataclass(frozen=True)
class WorkerTask:
    """The task of all workers of a pool.

    Attributes:
        workers: the number of workers.
        base_seed: worker i has the seed base_seed + i.
        dataset, worker_init_fn: the loader's.
        make_fetcher: data set -> Fetcher.
        recording: whether the workers record operations: as the loop that they were started for.
    """

    workers: int
    base_seed: int
    dataset: Any
    worker_init_fn: Callable[[int], Any] | None
    make_fetcher: MakeFetcher
    recording: bool = field(default_factory=is_grad_enabled)


# An exception refers to the frames that it passed through and to their callers' frames. Therefore the
# functions of a worker keep no failure in a local variable: the cycle would keep the iterator, and with it
# the workers, alive until the garbage collector runs.


def _start(worker: int, task: WorkerTask) -> Any:
    """Set up the calling thread as a worker; returns its data set, or the failure."""
    try:
        seed = task.base_seed + worker
        numbers = WorkerRandom(
            random_generator=random.Random(seed),
            torch_generator=seed_thread(seed),
            numpy_generator=np.random.default_rng([worker, seed]),  # the plain seed is torch_generator's
        )
        dataset = copy.copy(task.dataset) if isinstance(task.dataset, Dataset) else task.dataset
        _current.info = WorkerInfo(worker, task.workers, seed, dataset, numbers)
        if task.worker_init_fn is not None:
            task.worker_init_fn(worker)
        return dataset
    except BaseException as error:
        return _Failure(error, worker, fatal=True)


def _fetch(epoch: _Epoch, worker: int, index: Any, make_fetcher: MakeFetcher, dataset: Any) -> Any:
    """The batch, `_END` or the failure that answers a job."""
    fetcher = epoch.fetchers[worker]
    try:
        if fetcher is None:
            fetcher = epoch.fetchers[worker] = make_fetcher(dataset)
        return fetcher(index)
    except BaseException as error:
        if isinstance(error, StopIteration) and isinstance(fetcher, IterableFetcher):
            return _END
        return _Failure(error, worker, fatal=fetcher is None or not isinstance(error, Exception))


def _work(jobs: queue.SimpleQueue[Any], worker: int, task: WorkerTask) -> None:
    """The main function of a worker: process jobs until a job is None or an exception ends the worker."""
    set_grad_enabled(task.recording)
    dataset = _start(worker, task)
    while (job := jobs.get()) is not None:
        epoch, number, index = job
        if not epoch.closed:
            failed = isinstance(dataset, _Failure)
            result = dataset if failed else _fetch(epoch, worker, index, task.make_fetcher, dataset)
            exits = isinstance(result, _Failure) and not isinstance(result.error, Exception)
            epoch.results[number] = result
            epoch.arrivals.put(None)
            del result
            if exits:
                return
        del job, epoch, index  # a waiting worker must not keep a batch alive


_pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()


class WorkerPool:
    """The threads of the workers, until `stop` is called or the pool is freed.

    Args:
        task: the task of the workers.
        persistent: whether they outlive the pass for which they were started.
    """

    def __init__(self, task: WorkerTask, persistent: bool) -> None:
        self.persistent = persistent
        self.stopped = False
        self.process = os.getpid()
        self.jobs: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in range(task.workers)]
        self.threads = [
            threading.Thread(
                target=_work,
                name=f"DataLoader worker {worker}",
                args=(jobs, worker, task),
                daemon=True,  # a sample that blocks must not prevent the interpreter from exiting
            )
            for worker, jobs in enumerate(self.jobs)
        ]
        _stop_all_at_exit()
        _pools.add(self)
        for thread in self.threads:
            thread.start()

    def usable(self) -> bool:
        """Whether the workers accept jobs: not after `stop`, nor in a forked process."""
        return not self.stopped and self.process == os.getpid()

    def stop(self) -> None:
        """Tell every worker to end after its current job; returns immediately."""
        self.stopped = True
        for jobs in self.jobs:
            jobs.put(None)

    def __del__(self) -> None:
        self.stop()


def _stop_all() -> None:
    """End the workers before the interpreter exits.

    The exit would stop them at any point. A worker that is stopped while it prints, for example, still holds
    the lock of the output, and the exit fails.
    """
    pools = list(_pools)
    for pool in pools:
        pool.stop()
    deadline = time.monotonic() + EXIT_GRACE
    for pool in pools:
        for thread in pool.threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))


@functools.cache
def _stop_all_at_exit() -> None:
    atexit.register(_stop_all)


class WorkerBatches:
    """One pass over a data set with workers: an iterator of batches.

    In order, the job of batch i is sent to worker i mod n as long as no iterable is exhausted, so that each
    sample gets the same random numbers in every run. Out of order, it is sent to the worker with the fewest
    jobs.

    As in PyTorch, an error in a sample or in its collation is raised instead of returning its batch, and the
    iterator can continue with the next one. An error in `worker_init_fn` or in the data set's ``__iter__``
    ends the iteration. So does an exception that ends a thread (SystemExit, KeyboardInterrupt,
    GeneratorExit), which is raised as RuntimeError. An error in the sampler is raised when its batch is due.

    Args:
        pool: the workers.
        order: the indices of the batches.
        prefetch_factor: the number of unfinished jobs per worker.
        timeout: seconds to wait for a batch; 0 for no limit.
        in_order: whether the batches are returned in the order of `order`, or as they become ready.
    """

    def __init__(
        self, pool: WorkerPool, order: Iterable[Any], prefetch_factor: int, timeout: float, in_order: bool
    ) -> None:
        workers = len(pool.threads)
        self._pool = pool
        self._epoch = _Epoch(workers)
        self._pending: dict[int, int | None] = {}  # job -> its worker, oldest first
        self._sent = 0
        self._active = set(range(workers))  # workers whose iterable is not exhausted
        self._turns = itertools.cycle(range(workers))
        self._timeout = timeout
        self._in_order = in_order
        self._order = iter(order)
        for _ in range(workers * max(1, prefetch_factor)):
            self._send()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        while self._pending:
            self._check_pool()
            number = self._wait()
            result = self._epoch.results[number]
            if result is _END:
                self._active.discard(self._pending[number])
            self._send()
            del self._pending[number]
            del self._epoch.results[number]
            if isinstance(result, _Failure):
                if result.fatal:
                    self._close()
                    self._pool.stop()
                error = result.to_raise()
                try:
                    raise error
                finally:
                    del error, result  # otherwise a cycle: the traceback refers to this frame
            if result is not _END:
                return result
        self._close()
        raise StopIteration

    def _send(self) -> None:
        """Send the next job to a worker, if there is a job and a worker."""
        if not self._active:
            return
        number, worker = self._sent, None
        self._sent += 1  # first, so that an interruption does not give two jobs one number
        try:
            index = next(self._order)
        except StopIteration:
            return
        except Exception as error:
            self._epoch.results[number] = _Failure(error, None)
        else:
            worker = self._next_worker()
            self._pool.jobs[worker].put((self._epoch, number, index))
        self._pending[number] = worker

    def _next_worker(self) -> int:
        if self._in_order:
            return next(worker for worker in self._turns if worker in self._active)
        jobs = Counter(self._pending.values())
        return min(self._active, key=lambda worker: jobs[worker])

    def _wait(self) -> int:
        """Wait for the result that is due next; returns its job."""
        deadline = time.monotonic() + self._timeout
        while True:
            candidates = itertools.islice(self._pending, 1) if self._in_order else self._pending
            for number in candidates:
                if number in self._epoch.results:
                    return number
            seconds = CHECK_INTERVAL
            if self._timeout > 0:
                seconds = min(seconds, deadline - time.monotonic())
                if seconds <= 0:
                    raise RuntimeError(
                        f"DataLoader timed out after {self._timeout} seconds: expected a batch from the "
                        "workers, found none; raise timeout, or look for a sample that blocks"
                    )
            try:
                self._epoch.arrivals.get(timeout=seconds)
            except queue.Empty:
                self._check_threads()

    def _check_pool(self) -> None:
        if self._pool.process != os.getpid():
            raise RuntimeError(
                "DataLoader: the workers of this iterator are threads of the process that made it, and this "
                "process was forked from it; make a new iterator here"
            )
        if self._pool.stopped:
            self._close()
            raise RuntimeError(
                "DataLoader: the workers of this iterator have been stopped, by an error in another iterator "
                "of the same loader or by the interpreter's exit; make a new iterator"
            )

    def _check_threads(self) -> None:
        """Store a failure for a worker whose thread has ended without a result."""
        for number, worker in self._pending.items():
            if worker is None or self._pool.threads[worker].is_alive():
                continue
            if number not in self._epoch.results:
                error = RuntimeError(f"DataLoader worker {worker} exited unexpectedly")
                self._epoch.results[number] = _Failure(error, None, fatal=True)

    def _close(self) -> None:
        self._epoch.closed = True
        self._pending.clear()
        if not self._pool.persistent:
            self._pool.stop()

    def __del__(self) -> None:
        self._close()
