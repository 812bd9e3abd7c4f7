"""Performance settings of the process: set them, set them temporarily, show them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from cnn_physics77.core.autograd import locks
from cnn_physics77.core.autograd.execution import Fast, Plain, executed_by
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.kernels.runtime.pool import get_num_threads, pool, set_num_threads
from cnn_physics77.performance import allocator

ENGINES = {"plain": Plain, "fast": Fast}
"""How a backward pass adds gradients (see `core.autograd.execution`)."""


@dataclass(frozen=True)
class Status:
    """The current settings of the process. As a string: one line for each.

    Attributes:
        threads: the threads of a parallel loop, including the caller.
        workers: the pool's threads that have been started; 0 before the first parallel loop.
        processors: the processors that this thread may use; None if the system does not report them.
        worker_processors: those of each worker. Workers avoid the processor of the thread that calls them, if
            there are enough processors; no other thread is pinned.
        blas: the file of NumPy's BLAS; None if its threads cannot be controlled.
        blas_threads: its threads outside of parallel loops; inside it uses one.
        allocator: whether the C library is set to keep freed memory, or why it is not.
        large_pages: whether its memory lies in pages of 2 MB, as far as the system has free ones.
    """

    threads: int
    workers: int
    processors: tuple[int, ...] | None
    worker_processors: tuple[tuple[int, ...], ...]
    blas: str | None
    blas_threads: int | None
    allocator: str
    large_pages: bool

    def __str__(self) -> str:
        plural = "s" * (self.workers != 1)
        pool_line = f"{self.workers} worker{plural} started" if self.workers else "no worker started yet"
        if self.worker_processors:
            placed = "; ".join(",".join(map(str, mask)) for mask in self.worker_processors)
            pool_line += f", on processors {placed}"
        if self.blas is None:
            blas_line = "no known control of its threads"
        else:
            blas_line = f"{self.blas}, {self.blas_threads} threads outside of parallel loops, 1 inside"
        return "\n".join(
            (
                f"threads    {self.threads}",
                f"pool       {pool_line}",
                f"BLAS       {blas_line}",
                f"allocator  {self.allocator}" + ", in pages of 2 MB" * self.large_pages,
            )
        )


def status() -> Status:
    """The current settings of the process.

    >>> status().threads == get_num_threads()
    True
    """
    library = blas.library
    return Status(
        threads=get_num_threads(),
        workers=len(pool.workers),
        processors=_processors(0),
        worker_processors=tuple(
            mask for worker in pool.workers if (mask := _processors(worker.thread.native_id)) is not None
        ),
        blas=None if library is None else library.path.name,
        blas_threads=blas.threads_outside,
        allocator=allocator.state(),
        large_pages=allocator.large_pages(),
    )


def _processors(thread: int | None) -> tuple[int, ...] | None:
    if thread is None or not hasattr(os, "sched_getaffinity"):
        return None
    try:
        return tuple(sorted(os.sched_getaffinity(thread)))
    except OSError:  # the thread has ended
        return None


def apply(threads: int | None = None, keep_freed_memory: bool = True) -> Status:
    """Set what makes training faster, in the whole process.

    Args:
        threads: the threads of a parallel loop, as for `set_num_threads`; None does not change them.
        keep_freed_memory: set glibc to keep freed memory for the next allocation, in pages of 2 MB where
            Linux has them (see `allocator`). A training step takes up to a fifth less time, and up to 1 GB
            stays with the process. It has no effect with other C libraries, or if an environment variable
            sets the allocator (``MALLOC_TRIM_THRESHOLD_``, ``MALLOC_MMAP_THRESHOLD_``, ``MALLOC_TOP_PAD_``,
            ``GLIBC_TUNABLES``). False does not change the setting.

    Returns:
        The settings after the call.

    Raises:
        ValueError: ``threads`` is not a positive int.

    >>> apply(keep_freed_memory=False).threads == get_num_threads()
    True
    """
    if threads is not None:
        set_num_threads(threads)
    if keep_freed_memory:
        allocator.keep_freed_memory()
    return status()


@contextmanager
def policy(
    threads: int | None = None,
    keep_freed_memory: bool | None = None,
    engine: Literal["plain", "fast"] | None = None,
) -> Iterator[Status]:
    """`apply` for the duration of a block, in all threads. None does not change a setting.

    ``engine="plain"`` adds gradients in new memory, as the formulas say, so that every step can be inspected.
    ``"fast"``, the default, adds in place if nothing else refers to the memory. Both give the same bits.
    Unlike the other settings it applies to backward passes that start inside of the block.

    At the end the number of threads is restored. Blocks of several threads may overlap and end in any order:
    the latest one that has not ended applies. If freed memory was not kept before, it is returned to the
    system, and glibc's initial thresholds are set. glibc no longer adapts them, which cannot be restored;
    `status` then says "gives freed memory back" instead of "untouched". ``keep_freed_memory=False`` returns
    freed memory for the duration of the block.

    Raises:
        ValueError: ``threads`` is not a positive int, or ``engine`` is unknown.

    >>> before = get_num_threads()
    >>> with policy(threads=1, engine="plain") as inside:
    ...     inside.threads
    1
    >>> get_num_threads() == before
    True
    """
    if engine not in (None, *ENGINES):
        raise ValueError(f"policy: expected engine 'plain' or 'fast', found {engine!r}")
    with ExitStack() as settings:
        if threads is not None:
            settings.enter_context(_threads.set_to(threads))
        if keep_freed_memory is not None:
            settings.enter_context(_kept.set_to(keep_freed_memory))
        if engine is not None:
            settings.enter_context(executed_by(ENGINES[engine]))
        yield status()


class _Setting:
    """A setting of the process, which blocks of several threads set for a while and leave in any order."""

    def __init__(self, get: Callable[[], Any], set: Callable[[Any], None]) -> None:
        self._get, self._set = get, set
        self._before: dict[object, Any] = {}  # what each block restores, the latest block last

    @contextmanager
    def set_to(self, value: Any) -> Iterator[None]:
        block = object()
        with locks():
            before = self._get()
            self._set(value)
            self._before[block] = before
        try:
            yield
        finally:
            with locks():
                blocks = list(self._before)
                later = blocks[blocks.index(block) + 1 :]
                before = self._before.pop(block)
                if later:  # its setting holds on, and it restores what this one would have
                    self._before[later[0]] = before
                else:
                    self._set(before)


def _is_kept() -> bool:
    return allocator.state() == allocator.KEPT


def _keep(keep: bool) -> None:
    if keep == _is_kept():
        return
    if keep:
        allocator.keep_freed_memory()
    else:
        allocator.return_freed_memory()


_threads = _Setting(get_num_threads, set_num_threads)
_kept = _Setting(_is_kept, _keep)
