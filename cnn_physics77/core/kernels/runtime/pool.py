"""The worker threads of parallel loops, and the number of threads that such loops use.

No thread is started before the first loop that is large enough.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from time import monotonic

import numpy as np

SECONDS_AT_EXIT = 5.0
"""The time that the interpreter waits for the workers when it exits."""


class Worker:
    """A daemon thread that runs the tasks of its queue one after another. None ends it."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="cnn_physics77-worker", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        np.seterr(all="ignore")  # as `parallel_for` sets it for the caller
        while (task := self.tasks.get()) is not None:
            task()
            del task  # a waiting thread must not keep arrays alive


class Pool:
    """The workers of this process."""

    def __init__(self) -> None:
        self._hooks_are_registered = False
        self._reset()

    def _reset(self) -> None:
        """Start without workers. In a forked child the parent's do not exist, and its lock may be held."""
        self._lock = threading.RLock()  # reentrant: a signal handler may compute while it is held
        self.workers: list[Worker] = []
        self._placement: tuple | None = None  # the processor of the caller that the workers avoid
        self._closed = False

    def helpers(self, count: int) -> list[Worker]:
        """``count`` workers; fewer if the system allows no more threads."""
        if len(self.workers) < count and not self._closed:
            self._start(count)
        self._avoid_callers_processor(count)
        return self.workers[:count]

    def _start(self, count: int) -> None:
        with self._lock:
            if not self._hooks_are_registered:
                self._hooks_are_registered = True
                atexit.register(self._close)
                if hasattr(os, "register_at_fork"):
                    os.register_at_fork(after_in_child=self._reset)
            try:
                while len(self.workers) < count:
                    self.workers.append(Worker())
                    self._placement = None
            except RuntimeError:  # the interpreter exits, or the user has too many threads
                return

    def _avoid_callers_processor(self, helpers: int) -> None:
        """Keep the workers off the caller's processor, if there are enough processors.

        Linux tends to wake a thread on the processor of its waker, and moves it only after some time under
        load: after a pause, two threads shared one processor for about 50 ms.
        """
        processor = current_processor()
        if processor < 0:
            return
        try:
            allowed = os.sched_getaffinity(0)
        except OSError:
            return
        placement = (processor, allowed, helpers)
        if placement == self._placement:
            return
        self._placement = placement
        others = allowed - {processor}
        for worker in self.workers:
            try:
                os.sched_setaffinity(
                    worker.thread.native_id or 0, others if len(others) >= helpers else allowed
                )
            except OSError:  # a container may forbid it
                return

    def _close(self) -> None:
        """End the workers before the interpreter exits: a thread inside of BLAS would crash it."""
        self._closed = True
        for worker in self.workers:
            worker.tasks.put(None)
        end = monotonic() + SECONDS_AT_EXIT
        for worker in self.workers:
            worker.thread.join(max(0.0, end - monotonic()))
        self.workers = []


def _processor_finder() -> Callable[[], int]:
    """A function that returns the processor of the calling thread.

    It returns -1 if the C library has no such function, or if threads cannot be pinned.
    """
    if hasattr(os, "sched_setaffinity"):
        try:
            # PyDLL: the call is too short to release the interpreter's lock
            return ctypes.PyDLL(None).sched_getcpu
        except (OSError, AttributeError):
            pass
    return lambda: -1


current_processor = _processor_finder()
pool = Pool()
_threads: int | None = None


def get_num_threads() -> int:
    """The number of threads that parallel loops use, the caller's among them.

    Before `set_num_threads` is called it is ``CNN_PHYSICS77_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the
    number of processors that this process may use.

    Raises:
        ValueError: one of the variables is not a positive integer.
    """
    global _threads
    if _threads is None:
        _threads = _default_threads()
    return _threads


def _default_threads() -> int:
    for variable in ("CNN_PHYSICS77_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(variable, "").split(",")[0].strip()  # OMP_NUM_THREADS may list nested levels
        if value:
            if not value.isdecimal() or int(value) < 1:
                raise ValueError(
                    f"{variable}: expected a whole number of threads, at least 1, found {value!r}"
                )
            return int(value)
    if hasattr(os, "sched_getaffinity"):
        with suppress(OSError):
            return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_num_threads(threads: int) -> None:
    """Use ``threads`` threads from now on; 1 starts no worker. Results do not depend on the number.

    Raises:
        ValueError: ``threads`` is not a positive int.

    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    global _threads
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise ValueError(f"set_num_threads: expected a positive int, found {threads!r}")
    _threads = threads
