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
from typing import NamedTuple

import numpy as np


class Library(NamedTuple):
    """A BLAS library, and the functions that read and set its number of threads."""

    path: Path
    get_threads: Callable[[], int]
    set_threads: Callable[[int], object]


class Blas:
    """NumPy's BLAS. As a context manager it limits BLAS to one thread: a product runs in the calling thread.

    Several threads may be inside; the number of BLAS threads is restored when the last one leaves. The
    library is searched for when it is first needed. If its threads cannot be controlled, nothing is done.

    >>> blas = Blas()
    >>> with blas:
    ...     y = np.ones((2, 3)) @ np.ones((3, 2))
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
        self._holders = 0
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

    def __str__(self) -> str:
        if self.library is None:
            return "a BLAS without a known control of its threads; set its environment variable to 1"
        return f"{self.library.path.name}, {self.threads} threads outside of parallel loops, 1 inside"

    # The counts change in an order that is correct even if a signal handler computes in between.

    def __enter__(self) -> None:
        library = self.library
        if library is None:
            return
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                if not self._hook_is_registered:
                    self._register_hook()
                self._threads_before = library.get_threads()
                if self._threads_before != 1:
                    library.set_threads(1)

    def __exit__(self, *_: object) -> None:
        library = self.library
        if library is None:
            return
        with self._lock:
            if self._holders == 1 and self._threads_before != 1:
                library.set_threads(self._threads_before)
            self._holders = max(0, self._holders - 1)  # 0: forked while it was held

    def _register_hook(self) -> None:
        self._hook_is_registered = True
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        """In a forked child: the other threads inside, and the holder of the lock, do not exist."""
        self._lock = threading.RLock()
        if self._holders and self.library is not None:
            self.library.set_threads(self._threads_before)
        self._holders = 0


def _loaded_libraries() -> Iterator[Path]:
    """Files that may be NumPy's BLAS: those in its wheel, then those mapped into this process."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs", package / ".libs"):
        if folder.is_dir():
            yield from sorted(folder.iterdir())
    maps = Path("/proc/self/maps")
    if maps.exists():
        names = {line.split(maxsplit=5)[5] for line in maps.read_text().splitlines() if "/" in line}
        yield from sorted(Path(name) for name in names if ".so" in name)


blas = Blas()
