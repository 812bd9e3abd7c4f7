"""The BLAS library that NumPy has loaded, and how it is limited to one thread.

BLAS's threads would compete with those of the pool, and keep a processor busy for a while after each product.
BLAS also divides a product by the number of its threads, which changes the order of the sums.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


class Library(NamedTuple):
    """A BLAS library, and the functions that read and set its number of threads."""

    path: Path
    get_threads: Callable[[], int]
    set_threads: Callable[[int], object]


class Blas:
    """NumPy's BLAS, and what runs while it is held to one thread: a product runs in the thread that asks.

    Several threads may be inside; the number of BLAS threads is restored when the last one leaves. The
    library is searched for when it is first needed. If its threads cannot be controlled, nothing is done.

    >>> Blas().in_one_thread(np.matmul, np.ones((1, 3)), np.ones((3, 1)))
    array([[3.]])
    """

    # (part of the file name, getter, setter); the first that exists is used
    CONTROLS = tuple(
        ("openblas", f"{prefix}openblas_get_num_threads{suffix}", f"{prefix}openblas_set_num_threads{suffix}")
        for prefix in ("scipy_", "")
        for suffix in ("64_", "")
    ) + (
        ("mkl_rt", "MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
        ("blis", "bli_thread_get_num_threads", "bli_thread_set_num_threads"),
    )

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a signal handler may compute while it is held
        self._holders: set[object] = set()  # one object for each call of `in_one_thread` at work
        self._held = False  # whether `_threads_before` is to be restored
        self._is_set_to_one = False
        self._threads_before = 1
        self._hook_is_registered = False

    @cached_property
    def library(self) -> Library | None:
        """The library; None if it is not known."""
        for path in _loaded_libraries():
            for part, getter, setter in self.CONTROLS:
                if part in path.name.lower():
                    try:
                        library = ctypes.CDLL(str(path))
                        return Library(path, getattr(library, getter), getattr(library, setter))
                    except (OSError, AttributeError):
                        continue
        return None

    @property
    def threads(self) -> int | None:
        """The number of threads that the library would use now; None if it is not known."""
        return None if self.library is None else self.library.get_threads()

    @property
    def threads_outside(self) -> int | None:
        """The number of threads that it uses outside of parallel loops; None where it cannot be told."""
        with self._lock:
            return self._threads_before if self._held else self.threads

    def __str__(self) -> str:
        if self.library is None:
            return "a BLAS without a known control of its threads; set its environment variable to 1"
        return f"{self.library.path.name}, {self.threads_outside} threads outside of parallel loops, 1 inside"

    def in_one_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """``function(*args, **kwargs)``, while the library uses one thread."""
        if self.library is None:
            return function(*args, **kwargs)
        holder = object()
        # Ctrl-C comes when a function is entered or left, so neither between `try` and `add` nor between
        # `finally` and `discard`, whatever it interrupts.
        try:
            self._holders.add(holder)
            self._adjust()
            return function(*args, **kwargs)
        finally:
            try:
                self._holders.discard(holder)
                self._adjust()
            except KeyboardInterrupt:  # before the number of threads was set
                self._adjust()
                raise

    def _adjust(self) -> None:
        """Set the number of threads that the holders, or nobody, want."""
        library = self.library
        assert library is not None
        with self._lock:
            if self._holders and not self._is_set_to_one:
                if not self._hook_is_registered:
                    self._register_hook()
                if not self._held:
                    self._threads_before = library.get_threads()
                    self._held = True
                if self._threads_before != 1:
                    library.set_threads(1)
                self._is_set_to_one = True
            elif self._held and not self._holders:
                self._is_set_to_one = False
                if self._threads_before != 1:
                    library.set_threads(self._threads_before)
                self._held = False

    def _register_hook(self) -> None:
        self._hook_is_registered = True
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        """In a forked child: the other threads inside, and the holder of the lock, do not exist."""
        self._lock = threading.RLock()
        self._holders = set()
        if self.library is not None:
            self._adjust()


def _loaded_libraries() -> Iterator[Path]:
    """Files that may be NumPy's BLAS: those in its wheel, then those mapped into this process."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs", package / ".libs"):
        if folder.is_dir():
            yield from sorted(folder.iterdir())
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:  # another system, or one that does not let us read it
        return
    names = {line.split(maxsplit=5)[5] for line in maps.splitlines() if "/" in line}
    yield from sorted(Path(name) for name in names if ".so" in name)


blas = Blas()
