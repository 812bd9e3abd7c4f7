"""Set, for the whole process or for a while, what makes training faster; and say what is set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

from cnn_physics77.core.autograd.execution import Fast, Plain, executed_by
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.kernels.runtime.pool import get_num_threads, pool, set_num_threads
from cnn_physics77.performance import allocator

ENGINES = {"plain": Plain, "fast": Fast}
"""How a backward pass adds gradients (see `core.autograd.execution`)."""


@dataclass(frozen=True)
class Status:
    """What holds in this process now. As a string: one line for each.

    Attributes:
        threads: that parallel loops use, the caller's among them.
        workers: threads of the pool that have been started; 0 before the first parallel work.
        processors: that this thread may run on; None where the system does not say.
        worker_processors: those of each worker. Workers are kept off the processor of the thread that gives
            them work, where there are enough for all; no other thread is placed.
        blas: the file of NumPy's BLAS; None where its threads cannot be controlled.
        blas_threads: what it uses outside of parallel loops; inside it uses one.
        allocator: whether the C library was told to keep freed memory, or why it was not.
    """

    threads: int
    workers: int
    processors: tuple[int, ...] | None
    worker_processors: tuple[tuple[int, ...], ...]
    blas: str | None
    blas_threads: int | None
    allocator: str

    def __str__(self) -> str:
        pool_line = f"{self.workers} workers started" if self.workers else "no worker started yet"
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
                f"allocator  {self.allocator}",
            )
        )


def status() -> Status:
    """What holds in this process now; it changes nothing.

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
        blas_threads=blas.threads,
        allocator=allocator.state(),
    )


def _processors(thread: int | None) -> tuple[int, ...] | None:
    if thread is None or not hasattr(os, "sched_getaffinity"):
        return None
    try:
        return tuple(sorted(os.sched_getaffinity(thread)))
    except OSError:  # the thread has ended
        return None


def apply(threads: int | None = None, keep_freed_memory: bool = True) -> Status:
    """Set what makes training faster, for the whole process.

    Args:
        threads: of parallel loops, as `set_num_threads`; None leaves them.
        keep_freed_memory: tell glibc to keep freed memory for the next allocation (see `allocator`). A
            training step takes up to a fifth less time, and up to 1 GB stays with the process. Nothing is
            done on other C libraries, nor where an environment variable sets the allocator
            (``MALLOC_TRIM_THRESHOLD_``, ``MALLOC_MMAP_THRESHOLD_``, ``GLIBC_TUNABLES``). False leaves it as
            it is.

    Returns:
        What holds now.

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
    """`apply` for the duration of a block, in all threads. None leaves a setting as it is.

    ``engine="plain"`` adds gradients as the formulas say, in new memory, so that every step can be looked at;
    ``"fast"``, the default, adds in place where nobody else sees the memory. Both give the same bits. Unlike
    the other settings it holds for backward passes that begin inside of the block.

    At the end the number of threads is what it was. Where freed memory was not kept before, it is given back
    and glibc has the thresholds that a process starts with. They no longer adapt by themselves: glibc cannot
    restore that, and `status` says "gives freed memory back" instead of "untouched". With
    ``keep_freed_memory=False`` memory that was kept so far is given back for the duration of the block.

    Raises:
        ValueError: ``threads`` is not a positive int; another ``engine``.

    >>> before = get_num_threads()
    >>> with policy(threads=1, engine="plain") as inside:
    ...     inside.threads
    1
    >>> get_num_threads() == before
    True
    """
    if engine not in (None, *ENGINES):
        raise ValueError(f"policy: expected engine 'plain' or 'fast', found {engine!r}")
    threads_before, kept_before = get_num_threads(), allocator.state() == allocator.KEPT
    changes = keep_freed_memory is not None and keep_freed_memory != kept_before
    try:
        if threads is not None:
            set_num_threads(threads)
        if changes:
            _keep(not kept_before)
        with executed_by(ENGINES[engine]) if engine is not None else nullcontext():
            yield status()
    finally:
        if threads is not None:
            set_num_threads(threads_before)
        if changes:
            _keep(kept_before)


def _keep(keep: bool) -> None:
    if keep:
        allocator.keep_freed_memory()
    else:
        allocator.return_freed_memory()
