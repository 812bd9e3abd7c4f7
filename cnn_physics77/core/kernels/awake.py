"""Processors that are kept awake while parallel regions follow one another.

A thread that waits lets its processor fall asleep, and to wake a processor takes 50 us, on a busy virtual
machine several hundred. A training step waits some hundred times: for blocks, and for the interpreter's lock
between two calls of NumPy. OpenMP's threads, and so PyTorch's, spin while they wait. Python's locks cannot;
but a thread of the lowest scheduling class, ``SCHED_IDLE``, can spin in their place: in its session or
container it runs only where nothing else wants to, and whoever wakes up there takes over at once, from a
processor that is awake. Towards other sessions, and in the process's own times, it counts as work of this
program, as OpenMP's threads do.

One thread spins on each processor, and ends when there has been no parallel work for `SECONDS`. This is done
on Linux only, where the pool uses every processor that the process may run on, and not for programs that
give way to others or whose time is limited.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path, PurePath

VARIABLE = "CNN_PHYSICS77_KEEP_AWAKE"
"""Set to 0 it lets processors fall asleep whenever they have nothing to do."""

SECONDS = 0.01
"""Without parallel work, after which the processors may fall asleep."""

NEEDED = (
    "pthread_create",
    "pthread_detach",
    "pthread_setaffinity_np",
    "pthread_setname_np",
    "pthread_setschedparam",
    "pthread_spin_init",
    "pthread_spin_lock",
    "pthread_spin_trylock",
    "pthread_spin_unlock",
)
"""Functions of the C library; the older ones of some systems lack one or the other."""


def _available() -> bool:
    if os.environ.get(VARIABLE) == "0" or not sys.platform.startswith("linux"):
        return False
    try:
        library = ctypes.CDLL(None)
    except OSError:  # Python has been linked statically
        return False
    return all(hasattr(library, name) for name in NEEDED) and not _is_limited()


def _gives_way() -> bool:
    """Whether this thread lets others go first, or its process may use so many seconds only."""
    import resource  # which Windows has not

    polite = os.getpriority(os.PRIO_PROCESS, 0) > 0 or os.sched_getscheduler(0) != os.SCHED_OTHER
    return polite or resource.getrlimit(resource.RLIMIT_CPU)[0] != resource.RLIM_INFINITY


def _is_limited(root: Path = Path("/")) -> bool:
    """Whether a control group, of the first or the second version, limits this process's time on its
    processors, as containers are limited; also where that cannot be told."""
    try:
        for line in (root / "proc/self/cgroup").read_text().split("\n"):
            if line:
                _, controllers, path = line.split(":", 2)
                for folder, file in _limits(controllers):
                    if _has_limit(root / "sys/fs/cgroup" / folder, PurePath(path.lstrip("/")), file):
                        return True
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return False


def _limits(controllers: str) -> list[tuple[str, str]]:
    """Folders below that of the control groups, and the file in which a group's limit stands."""
    if not controllers:
        return [("", "cpu.max"), ("unified", "cpu.max")]
    return [(controllers, "cpu.cfs_quota_us")] if "cpu" in controllers.split(",") else []


def _has_limit(folder: Path, group: PurePath, file: str) -> bool:
    for above in (group, *group.parents):
        with suppress(OSError):  # a container may not see the groups above its own
            if not (folder / above / file).read_text().startswith(("max", "-1")):
                return True
    return False


class Spinner:
    """Keeps one processor awake between `start` and `stop`.

    The thread belongs to the C library alone, as one of the lowest class must never hold the interpreter's
    lock: where other processes keep the processor busy it would not get to let it go. All that it does is to
    call ``pthread_spin_lock`` once; with that lock in its hands it ends.
    """

    def __init__(self, processor: int) -> None:
        self._name = f"77-awake-{processor}".encode()
        self._processors = (ctypes.c_ubyte * (processor // 8 // 128 * 128 + 128))()  # a cpu_set_t
        self._processors[processor // 8] = 1 << processor % 8
        self._lock = ctypes.c_int()  # a pthread_spinlock_t, held until the thread may end
        self._library = ctypes.PyDLL(None)  # the calls are short
        self._library.pthread_spin_init(ctypes.byref(self._lock), 0)
        self._library.pthread_spin_lock(ctypes.byref(self._lock))
        self._started = False

    def start(self) -> bool:
        """Whether it spins now: a container may forbid to choose the class, and another would be in the
        way."""
        c, lock = self._library, ctypes.byref(self._lock)
        if c.pthread_spin_trylock(lock) == 0:  # the thread of before has not yet seen that it may end
            self._started = True
            return True
        thread = ctypes.c_ulong()
        if c.pthread_create(ctypes.byref(thread), None, c.pthread_spin_lock, lock):
            return False
        self._started = True
        lowest = c.pthread_setschedparam(thread, os.SCHED_IDLE, ctypes.byref(ctypes.c_int(0))) == 0
        size = ctypes.c_size_t(len(self._processors))
        pinned = c.pthread_setaffinity_np(thread, size, self._processors) == 0
        c.pthread_setname_np(thread, self._name)
        c.pthread_detach(thread)
        if not (lowest and pinned):
            self.stop()
        return lowest and pinned

    def stop(self) -> None:
        if self._started:
            self._started = False
            self._library.pthread_spin_unlock(ctypes.byref(self._lock))


class Awake:
    """The spinners of one pool. Only workers begin and end them, as no signal's handler, and so no Ctrl-C,
    can come between."""

    def __init__(self) -> None:
        self._spinners: dict[int, Spinner] = {}
        self._available = _available()
        self._lock = threading.Lock()
        self.on = False

    def begin(self, threads: int) -> None:
        """Keep the processors of this process awake, if so many threads work on no more of them."""
        if self.on or not self._available or _gives_way():
            return
        with self._lock:
            processors = os.sched_getaffinity(os.getpid())  # of its first thread: workers have less
            if self.on or len(processors) > threads:
                return
            self.on = True
            for processor in processors:
                if processor not in self._spinners:
                    self._spinners[processor] = Spinner(processor)
                self._available = self._available and self._spinners[processor].start()

    def rest(self) -> None:
        """Let the processors fall asleep."""
        with self._lock:
            if self.on:
                self.on = False
                for spinner in self._spinners.values():
                    spinner.stop()
