"""What the C library does with freed memory.

A training step allocates and frees the same large arrays over and over. glibc gives memory back to the
system as soon as some megabytes lie free at the end of its heap, and the next step pays for every page again:
a fault, and 4 KB of zeros. For a small VGG with batch 64 that is 7,000 faults, a fifth of the step. Told to
keep what was freed, glibc hands out the same pages.

The price: up to `KEPT_BYTES` stay with the process, and glibc no longer adapts its thresholds by itself,
which cannot be undone. Other C libraries (musl, macOS, Windows) have no such setting.
"""

from __future__ import annotations

import ctypes
import os
import sys

# malloc.h of glibc
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

MMAP_BYTES = 1 << 25
"""The largest threshold that glibc takes. Larger arrays are mapped and unmapped one by one."""

KEPT_BYTES = 1 << 30
"""So much may lie free at the end of the heap before any of it is given back."""

DEFAULT_BYTES = 1 << 17
"""glibc's own value of both thresholds when a process starts."""

SETTINGS_OF_THE_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
"""Environment variables; where one is set the allocator is left as it is."""

UNTOUCHED, KEPT, RETURNED = "untouched", "keeps freed memory", "gives freed memory back"

_state = UNTOUCHED


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
    except OSError:  # Python has been linked statically
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None


def obstacle() -> str | None:
    """Why the allocator of this process cannot be set; None where it can be."""
    if _glibc() is None:
        return "not available: the C library is not glibc"
    own = [name for name in SETTINGS_OF_THE_USER if name in os.environ]
    return f"left alone: {own[0]} is set" if own else None


def state() -> str:
    """What this module has done to the allocator, or why it does nothing.

    >>> state() in (UNTOUCHED, KEPT, RETURNED, obstacle())
    True
    """
    return obstacle() or _state


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory for the next allocation, in the whole process; whether it does."""
    return _set(MMAP_BYTES, KEPT_BYTES, KEPT)


def return_freed_memory() -> bool:
    """Set glibc's own thresholds again, and give back what lies free; whether it could be done.

    It is not quite as before: glibc adapts its thresholds only until they are set for the first time.
    """
    done = _set(DEFAULT_BYTES, DEFAULT_BYTES, RETURNED)
    if done:
        trim()
    return done


def _set(mmap_threshold: int, trim_threshold: int, name: str) -> bool:
    global _state
    library = _glibc()
    if library is None or obstacle():
        return False
    done = library.mallopt(M_MMAP_THRESHOLD, mmap_threshold) and library.mallopt(
        M_TRIM_THRESHOLD, trim_threshold
    )
    if done:
        _state = name
    return bool(done)


def trim() -> None:
    """Give back to the system, once, all pages of glibc's heap in which nothing is allocated.

    >>> trim()
    """
    library = _glibc()
    if library is not None:
        library.malloc_trim(ctypes.c_size_t(0))
