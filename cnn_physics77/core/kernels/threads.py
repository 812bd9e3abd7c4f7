"""A small pool of worker threads for NumPy work.

NumPy releases the interpreter's lock inside ufuncs, copies and matrix products, so plain Python threads run
them side by side. `parallel_for` cuts work into blocks that do not depend on the number of threads; each
block does its own sums in its own order, so results are equal bit for bit with one thread and with many.
The BLAS library is held to one thread meanwhile: its own threads would compete with ours, and split
products differently.

`begin_errand` is the other way to use a second thread: it makes a call of its own, with parallel work of its
own, while its sender goes on. Whoever has nothing else to do helps the others with their blocks.

Waking a waiting worker and hearing back costs 50-70 us with a bare ``threading.Lock`` (twice that with
``ThreadPoolExecutor``), so work below `HAND_OVER_MICROSECONDS` is done by the caller alone. No thread is
started before the first work that is worth it.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np

from cnn_physics77.core.kernels.scratch import arena

MOST_SECONDS_AT_EXIT = 5.0
LOOK_AGAIN = 0.1  # seconds; a ring may be lost to a Ctrl-C, or to what a signal's handler waits for itself
HAND_OVER_MICROSECONDS = 150.0  # serial work below this is not handed over: it would gain nothing


class Blas:
    """The BLAS library that NumPy has loaded, and its number of threads where it lets itself be told.

    Used as a context it is held: between the first entry and the last exit, of any threads, the library
        runs each product in the thread that asks for it.
    """

    # (part of the file name, name of the getter, name of the setter); the first that exists is taken
    CONTROLS = tuple(
        ("openblas", f"{prefix}openblas_get_num_threads{suffix}", f"{prefix}openblas_set_num_threads{suffix}")
        for prefix in ("scipy_", "")
        for suffix in ("64_", "")
    ) + (
        ("mkl_rt", "MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
        ("blis", "bli_thread_get_num_threads", "bli_thread_set_num_threads"),
    )

    def __init__(self) -> None:
        self.path, self._get, self._set = self._find()
        self._lock = threading.RLock()  # a signal's handler may come while it is held
        self._holders = 0
        self._before = 1

    @classmethod
    def _find(cls) -> tuple[Path | None, Callable[[], int] | None, Callable[[int], object] | None]:
        for path in _loaded_libraries():
            for part, getter, setter in cls.CONTROLS:
                if part in path.name.lower():
                    try:
                        library = ctypes.CDLL(str(path))
                        return path, getattr(library, getter), getattr(library, setter)
                    except (OSError, AttributeError):
                        continue
        return None, None, None

    def __str__(self) -> str:
        if self._get is None:
            return "a BLAS without a known control of its threads; set its environment variable to 1"
        return (
            f"{self.path.name if self.path else ''}, {self._get()} threads outside of parallel work, 1 inside"
        )

    def __enter__(self) -> None:
        if self._set is None or self._get is None:
            return
        with self._lock:
            if self._holders == 0:
                self._before = self._get()
                if self._before != 1:
                    self._set(1)
            self._holders += 1

    def __exit__(self, *_: object) -> None:
        if self._set is None:
            return
        with self._lock:
            self._holders -= 1
            if self._holders == 0 and self._before != 1:
                self._set(self._before)

    def after_fork(self) -> None:
        """In the child: forget the holders, whose threads do not exist here."""
        self._lock = threading.RLock()
        if self._holders and self._set is not None:
            self._set(self._before)
        self._holders = 0


def _loaded_libraries() -> Iterator[Path]:
    """Files that may be NumPy's BLAS: those that its wheel brings, then those mapped into this process."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs", package / ".libs"):
        if folder.is_dir():
            yield from sorted(folder.iterdir())
    maps = Path("/proc/self/maps")
    if maps.exists():
        names = {line.split(maxsplit=5)[5] for line in maps.read_text().splitlines() if "/" in line}
        yield from sorted(Path(name) for name in names if ".so" in name)


class Job:
    """Blocks that the threads take one by one, and the first exception among them.

    The thread that owns the job offers it to others and works on it itself. Each of them enters it if it
    gets round to it; the owner withdraws the offers that are left when all blocks are taken, and waits for
    those who are inside. Which of the two comes first is decided by one `dict.setdefault`, which is one step
    under the interpreter's lock.
    """

    __slots__ = ("blocks", "entered", "error", "function", "left", "owner")

    def __init__(self, function: Callable[[int], object], blocks: range) -> None:
        self.function: Callable[[int], object] | None = function
        self.blocks = iter(blocks)  # its next() is one step under the interpreter's lock
        self.error: BaseException | None = None
        self.owner: Seat | None = None
        self.entered: dict[Seat, bool] = {}
        self.left: list[Seat] = []

    def run(self) -> BaseException | None:
        """Take and do blocks until none is left or one has failed; the exception of this thread."""
        function = self.function
        outermost = not arena.lent
        try:
            arena.lent = True
            for block in self.blocks:
                if self.error is not None or function is None:
                    break
                if outermost:
                    arena.begin()
                function(block)
        except BaseException as error:  # handed to the caller of parallel_for, Ctrl-C included
            if self.error is None:
                self.error = error
            return error
        finally:
            if outermost:
                arena.lent = False
        return None

    def enter(self, seat: Seat) -> None:
        """Work on the job in a thread that it was offered to, if the offer still stands."""
        seat.inside = self
        interrupted = self.run() if self.entered.setdefault(seat, True) else None
        seat.leave()
        if isinstance(interrupted, KeyboardInterrupt) and not isinstance(seat, Worker):
            raise interrupted  # the owner may have nobody to tell it

    def without(self, seat: Seat) -> bool:
        """Whether that thread has left the job, or never will enter it: the offer ends here."""
        return not self.entered.setdefault(seat, False) or seat in self.left

    def share(self, seats: list[Seat]) -> None:
        """Offer the job to ``seats``, work on it too, and return when nobody does any more.

        A Ctrl-C is kept in ``error``: the others still write, so it goes on waiting for them.
        """
        self.owner = here = own_seat()
        here.leave()
        worked = False
        while True:
            try:
                if not worked:
                    worked = True
                    for seat in seats:
                        seat.offer(self)
                    self.run()
                while [seat for seat in seats if not self.without(seat)]:
                    here.bell.acquire(timeout=LOOK_AGAIN)
                self.function = None  # an offer withdrawn may still lie somewhere; it keeps no arrays alive
                return
            except BaseException as error:
                self.error = self.error or error


class Seat:
    """A thread's place among the others: what it was offered, and the bell on which it sleeps."""

    def __init__(self) -> None:
        self.offers: deque[Job | Errand] = deque()
        self.busy = False
        self.inside: Job | None = None
        self.bell = threading.Lock()
        self.bell.acquire()

    def ring(self) -> None:
        with suppress(RuntimeError):  # it rings already
            self.bell.release()

    def offer(self, job: Job | Errand) -> None:
        self.offers.append(job)
        self.ring()

    def leave(self) -> None:
        """Tell the owner of the job that was entered last; again, where a Ctrl-C has cut this short."""
        job = self.inside
        if job is not None:
            job.left.append(self)
            if job.owner is not None:
                job.owner.ring()
            self.inside = None

    def work(self) -> None:
        """Enter what was offered, the oldest first, until nothing is left."""
        self.busy = True
        while self.offers:
            self.offers.popleft().enter(self)
        self.busy = False


class Worker(Seat):
    """A daemon thread that sleeps until the bell rings."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.Thread(target=self._serve, name="cnn_physics77-worker", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        np.seterr(all="ignore")  # a thread starts without its caller's settings, and must not say more
        _local.seat = self
        while True:
            self.bell.acquire()
            self.work()


def own_seat() -> Seat:
    """That of the calling thread."""
    seat = getattr(_local, "seat", None)
    if seat is None:
        seat = _local.seat = Seat()
    return seat


def _processor_finder() -> Callable[[], int]:
    """The C library's question which processor the calling thread runs on; it answers -1 where there is
    none, or where threads cannot be told where to run."""
    if hasattr(os, "sched_setaffinity"):
        try:
            return ctypes.PyDLL(None).sched_getcpu  # PyDLL: the answer is not worth letting the lock go
        except (OSError, AttributeError):
            pass
    return lambda: -1


current_processor = _processor_finder()


class Pool:
    """The workers, started when first needed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.falling = False  # whether the last region took its blocks from the last to the first
        self.workers: list[Worker] = []
        self.place: tuple | None = None  # the caller's, for which the workers have made room

    def _make_room(self, helpers: int) -> None:
        """Keep the workers off the caller's processor, where there are processors enough for all.

        A scheduler likes to wake a thread where its waker runs, and to move it only when the load has
        lasted: after a pause, two threads shared one processor for some 50 ms.
        """
        processor = current_processor()
        if processor < 0:
            return
        allowed = os.sched_getaffinity(0)
        place = (processor, allowed, helpers)
        if place == self.place:
            return
        self.place = place
        others = allowed - {processor}
        for worker in self.workers:
            try:
                os.sched_setaffinity(
                    worker.thread.native_id or 0, others if len(others) >= helpers else allowed
                )
            except OSError:  # a container may forbid it, or a worker have ended with the interpreter
                return

    def others(self, helpers: int) -> list[Seat]:
        """So many seats of threads besides the calling one: all workers, for a caller that is none."""
        here = own_seat()
        if isinstance(here, Worker):  # on an errand: who sent it may come to help
            return [seat for seat in (_local.sender, *self.workers) if seat is not here][:helpers]
        if len(self.workers) < helpers:
            with self.lock:
                while len(self.workers) < helpers:
                    self.workers.append(Worker())
                    self.place = None
        self._make_room(helpers)
        return list(self.workers[:helpers])


blas = Blas()  # ``with blas: ...`` runs products in one thread; str(blas) says which library it is
_pool = Pool()
_local = threading.local()
_threads: int | None = None


@atexit.register
def _let_workers_finish() -> None:
    """A thread that is inside of BLAS when the interpreter ends would crash the process."""
    end = monotonic() + MOST_SECONDS_AT_EXIT
    while any(worker.busy or worker.offers for worker in _pool.workers) and monotonic() < end:
        sleep(0.001)


def _after_fork() -> None:
    global _pool
    _pool = Pool()
    _local.__dict__.clear()
    blas.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Region:
    """Parallel work that is gathered first, by calls of `parallel_for` with it, and then done as one.

    A region of its own costs each some 50 us of waiting. What is gathered must not depend on one another, and
    its results are there after `run` only.

    >>> squares, cubes = np.zeros(2), np.zeros(2)
    >>> region = Region()
    >>> parallel_for(lambda i: squares.__setitem__(i, i**2), 2, 1000, region)
    >>> parallel_for(lambda i: cubes.__setitem__(i, i**3), 2, 1000, region)
    >>> region.run()
    >>> squares, cubes
    (array([0., 1.]), array([0., 1.]))
    """

    def __init__(self) -> None:
        self._work: list[tuple[Callable[[int], object], int]] = []
        self._microseconds = 0.0

    def add(self, function: Callable[[int], object], blocks: int, microseconds: float) -> None:
        """Gather the blocks of one `parallel_for`."""
        self._work += [(function, block) for block in range(blocks)]
        self._microseconds += microseconds

    def run(self) -> None:
        """Do all that was gathered. Errors as `parallel_for` raises them."""
        work, self._work = self._work, []
        microseconds, self._microseconds = self._microseconds, 0.0

        def one(index: int) -> None:
            function, block = work[index]
            function(block)

        if work:
            parallel_for(one, len(work), microseconds)


def parallel_for(
    function: Callable[[int], object], blocks: int, microseconds: float, region: Region | None = None
) -> None:
    """Call ``function(block)`` for every block in range(blocks), on as many threads as pay, in any order.

    The blocks must not depend on one another and must not be chosen by the number of threads. A call from
    inside of a block does all blocks in the calling thread.

    One region begins at its first block, the next at its last, and so on: what one operation has written last
    is still in the cache, and the next operation most often reads it.

    Args:
        microseconds: estimated time of all blocks in one thread; below `HAND_OVER_MICROSECONDS` nothing is
            handed over.
        region: where the blocks are gathered, to be done by its `run`, instead of at once.

    Raises:
        The first exception that a block raised; blocks not yet begun are then dropped. KeyboardInterrupt is
        raised after the blocks in progress have ended. The pool stays usable.

    >>> squares = np.zeros(4)
    >>> def square(block):
    ...     squares[block] = block**2
    >>> parallel_for(square, 4, microseconds=1000)
    >>> squares
    array([0., 1., 4., 9.])
    """
    if region is not None:
        region.add(function, blocks, microseconds)
        return
    with blas, np.errstate(all="ignore"):  # as in the workers: the same words, whoever does a block
        helpers = min(get_num_threads(), blocks) - 1 if microseconds >= HAND_OVER_MICROSECONDS else 0
        pool = _pool
        pool.falling = not pool.falling
        job = Job(function, range(blocks - 1, -1, -1) if pool.falling else range(blocks))
        if helpers > 0 and not arena.lent:
            job.share(pool.others(helpers))
        else:
            job.run()
        error, job.error = job.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # the traceback would else hold the error, and the error the traceback


class Errand:
    """One call that another thread makes while its sender goes on; `begin_errand` makes them.

    The thread shares its own parallel work with the sender as soon as that has nothing else to do but wait.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self.done = self._abandoned = False
        self._function: Callable[[], Any] | None = function
        self._context = copy_context()
        self._sender = own_seat()
        self._taken: dict[str, Seat] = {}
        self._value: Any = None
        self._error: BaseException | None = None

    def enter(self, seat: Seat) -> None:
        """Make the call, unless another thread does."""
        function = self._function
        if function is None or self._taken.setdefault("by", seat) is not seat:
            return
        _local.sender = self._sender
        try:
            self._value = self._context.run(function)
        except BaseException as error:  # kept without this frame, which refers to the errand
            self._error = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        self._function = function = None  # and with it what the call needed
        if self._abandoned:
            self._value = self._error = None
        self.done = True
        self._sender.ring()

    def result(self) -> Any:
        """What the call returns, once it has; the sender helps meanwhile. Only once.

        Raises:
            The exception that the call raised.
        """
        self._sender = seat = own_seat()
        seat.leave()
        self.enter(seat)  # nobody has begun
        with np.errstate(all="ignore"):  # as in the other threads
            seat.work()  # offers that were withdrawn are dropped, too
            while not self.done:
                seat.bell.acquire(timeout=LOOK_AGAIN)
                seat.work()
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None
        value, self._value = self._value, None
        return value

    def abandon(self) -> None:
        """Nobody will ask for the result: let it be, if no thread has begun."""
        self._abandoned = True
        if self._taken.setdefault("by", self._sender) is self._sender:
            self._function = None
        self._value = self._error = None


def begin_errand(function: Callable[[], Any]) -> Errand | None:
    """Let another thread call ``function``, which must not care in which thread it is called; None where
    there is no other, and nothing is called.

    >>> before = get_num_threads()
    >>> set_num_threads(2)
    >>> errand = begin_errand(lambda: 6 * 7)
    >>> errand.result()
    42
    >>> set_num_threads(before)
    """
    helpers = get_num_threads() - 1
    if helpers < 1 or arena.lent:
        return None
    errand = Errand(function)
    seats = _pool.others(helpers)
    min(seats, key=lambda seat: (seat.busy, len(seat.offers))).offer(errand)
    return errand


def get_num_threads() -> int:
    """The number of threads that parallel work uses, the caller's among them.

    Until `set_num_threads` is called it is ``CNN_PHYSICS77_NUM_THREADS``, else ``OMP_NUM_THREADS``, else
    the number of cores that this process may run on.

    Raises:
        ValueError: one of the variables is set to something that is no positive whole number.
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
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_num_threads(threads: int) -> None:
    """Use ``threads`` threads from now on; 1 starts none. Results do not depend on it.

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
