"""What the C library does with freed memory.

A training step allocates and frees the same large arrays over and over. glibc gives memory back to the
system as soon as some megabytes lie free at the end of its heap, and the next step pays for every page again:
a fault, and 4 KB of zeros. For a small VGG with batch 64 that is 7,000 faults, a fifth of the step. Told to
keep what was freed, glibc hands out the same pages.
"""

from __future__ import annotations

import ctypes
import os
import sys

VARIABLE = "CNN_PHYSICS77_KEEP_FREED_MEMORY"
"""Set to 0 it leaves the allocator as it is."""

# malloc.h of glibc
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

LARGEST_FROM_HEAP = 1 << 25
"""Bytes: the largest threshold that glibc takes. Larger arrays are mapped and unmapped one by one."""

MOST_KEPT = 1 << 30
"""Bytes that may lie free at the end of the heap before any are given back."""

kept = False
"""Whether the allocator of this process has been told to keep freed memory."""


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to keep freed memory for the next allocation; whether it has been told.

    It holds for the whole process. Other allocators are left as they are, and so is glibc's where the user
    has settings of his own (``MALLOC_TRIM_THRESHOLD_``, ``MALLOC_MMAP_THRESHOLD_``, ``GLIBC_TUNABLES``).

    >>> keep_freed_memory() in (True, False)
    True
    """
    global kept
    own = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
    library = _glibc()
    if library is None or any(name in os.environ for name in own):
        return False
    kept = bool(
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_FROM_HEAP) and library.mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
    )
    return kept


def give_back_freed_memory() -> None:
    """Give back to the system, once, all pages of glibc's heap in which nothing is allocated.

    >>> give_back_freed_memory()
    """
    library = _glibc()
    if library is not None:
        library.malloc_trim(ctypes.c_size_t(0))


if os.environ.get(VARIABLE) != "0":
    keep_freed_memory()
