"""Parallel loops: work is divided into blocks, which several threads take one by one.

NumPy releases the interpreter's lock inside of ufuncs, copies and matrix products, so Python threads run them
in parallel. The blocks do not depend on the number of threads, and the order of the sums in a block is fixed,
so results are equal bit for bit for any number of threads. BLAS is limited to one thread meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple, TypeVar

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.kernels.runtime.pool import get_num_threads, pool
from cnn_physics77.core.kernels.runtime.scratch import arena, run_blocks

T = TypeVar("T")

HAND_OVER_MICROSECONDS = 150.0
"""The caller does less work than this alone: waking a worker and waiting for its answer takes 50 to 70 us."""


class ParallelLoop(NamedTuple):
    """``function(block)`` for every block in range(blocks), as `parallel_for` takes it, not yet run.

    A kernel that returns its loop lets the caller run it with other loops (`together`).

    >>> loop = ParallelLoop(print, 1, microseconds=1)
    >>> loop.run()
    0
    """

    function: Callable[[int], object]
    blocks: int
    microseconds: float

    def run(self) -> None:
        """Run it now, alone."""
        parallel_for(*self)


def together(loops: Iterable[ParallelLoop]) -> None:
    """Run several loops as one, with one hand-over to the workers instead of one per loop.

    No loop may depend on the result of another. Errors as for `parallel_for`.

    >>> import numpy as np
    >>> squares, cubes = np.zeros(2), np.zeros(2)
    >>> loops = [
    ...     ParallelLoop(lambda i: squares.__setitem__(i, i**2), 2, microseconds=1000),
    ...     ParallelLoop(lambda i: cubes.__setitem__(i, i**3), 2, microseconds=1000),
    ... ]
    >>> together(loops)
    >>> squares, cubes
    (array([0., 1.]), array([0., 1.]))
    """
    loops = list(loops)
    if len(loops) == 1:
        loops[0].run()
        return
    work = [(block / loop.blocks, loop.function, block) for loop in loops for block in range(loop.blocks)]
    work.sort(key=itemgetter(0))  # neighbours do the same share of each loop, and so read the same

    def run(index: int) -> None:
        _, function, block = work[index]
        function(block)

    if work:
        parallel_for(run, len(work), sum(loop.microseconds for loop in loops))


Steps = Generator[ParallelLoop, None, T]
"""A computation that yields each of its loops, which is run before it goes on, and returns its result."""


def at_once(function: Callable[..., T], *arguments: object) -> Steps[T]:
    """A function as steps without a loop."""
    return function(*arguments)
    yield  # makes it a generator


def side_by_side(*computations: Steps[T]) -> list[T]:
    """The results of several computations, whose loops run together.

    >>> def half(number):
    ...     yield ParallelLoop(print, 1, microseconds=1)
    ...     return number / 2
    >>> side_by_side(half(3), half(4), at_once(abs, -1))
    0
    0
    [1.5, 2.0, 1]
    """
    results: dict[int, T] = {}
    while len(results) < len(computations):
        loops = []
        for index, steps in enumerate(computations):
            if index not in results:
                try:
                    loops.append(next(steps))
                except StopIteration as end:
                    results[index] = end.value
        together(loops)
    return [results[index] for index in range(len(computations))]


def parallel_for(function: Callable[[int], object], blocks: int, microseconds: float) -> None:
    """Call ``function(block)`` for every block in range(blocks), in any order, in parallel if that is faster.

    The blocks must not depend on one another, nor on the number of threads. A call from inside of a block
    runs all its blocks in the calling thread. Inside of a block NumPy's floating-point errors are ignored.
    Successive loops of a thread run in alternating directions: the data written last is still in the cache,
    and the next operation usually reads it.

    Args:
        microseconds: estimated time of all blocks in one thread; below `HAND_OVER_MICROSECONDS` only the
            caller runs them.

    Raises:
        The first exception of a block; blocks that have not started are dropped. KeyboardInterrupt is raised
        after the running blocks have ended. The pool stays usable.

    >>> import numpy as np
    >>> squares = np.zeros(4)
    >>> def square(block):
    ...     squares[block] = block**2
    >>> parallel_for(square, 4, microseconds=1000)
    >>> squares
    array([0., 1., 4., 9.])
    """
    direction.reverse = reverse = not direction.reverse
    order = range(blocks - 1, -1, -1) if reverse else range(blocks)
    helpers = min(get_num_threads(), blocks) - 1
    if helpers < 1 or microseconds < HAND_OVER_MICROSECONDS or arena.frame is not None:
        blas.in_one_thread(_run_blocks_silently, function, order)
    else:
        blas.in_one_thread(_run_on_threads, function, order, helpers)


_run_blocks_silently = silent(run_blocks)


@silent
def _run_on_threads(function: Callable[[int], object], order: range, helpers: int) -> None:
    task = _Task(function, order)
    task.run(helpers)
    error, task.error = task.error, None
    if error is not None:
        try:
            raise error
        finally:
            del error  # otherwise the error and its traceback refer to each other


class _Direction(threading.local):
    """The direction in which this thread ran its last loop."""

    reverse = False


direction = _Direction()


class _Task:
    """A running loop: an iterator from which the caller and its helpers take blocks.

    A worker that takes the task from its queue while blocks are left becomes a helper. The caller waits only
    for the helpers, not for workers that still have the task in their queue.
    """

    def __init__(self, function: Callable[[int], object], order: range) -> None:
        self.error: BaseException | None = None
        self._function: Callable[[int], object] | None = function
        self._blocks = iter(order)
        self._lock = threading.Lock()  # of the attributes below, and of the iterator
        self._helpers = 0
        self._closed = False
        self._last_has_left = threading.Lock()
        self._last_has_left.acquire()

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        with self._lock:
            if self.error is not None:
                raise StopIteration
            return next(self._blocks)

    def run(self, helpers: int) -> None:
        """Run it with at most this many helpers, and return when all of them have finished.

        An exception, also KeyboardInterrupt, is stored in ``error``, because the helpers may still write. One
        ``try`` contains everything, as KeyboardInterrupt may be raised anywhere.
        """
        begun = False
        while True:
            try:
                if not begun:
                    begun = True
                    for worker in pool.helpers(helpers):
                        worker.tasks.put(self.help)
                    self._work()
                with self._lock:
                    self._closed = True
                    if self._helpers == 0:
                        break
                self._last_has_left.acquire()
                break
            except BaseException as error:
                self.error = self.error or error
        self._function = None  # the task may still be in a worker's queue, and must not keep arrays alive

    def help(self) -> None:
        """Run blocks, as a worker."""
        with self._lock:
            if self._closed:
                return
            self._helpers += 1
        self._work()
        with self._lock:
            self._helpers -= 1
            if self._closed and self._helpers == 0:
                self._last_has_left.release()

    def _work(self) -> None:
        assert self._function is not None
        try:
            run_blocks(self._function, self)
        except BaseException as error:  # the caller raises it
            self.error = self.error or error
