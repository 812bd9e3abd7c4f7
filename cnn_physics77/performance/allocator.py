"""How the C library handles freed memory.

Every training step allocates and frees the same large arrays. glibc returns memory to the system as soon as
some megabytes are free at the end of its heap, so the next step causes a page fault, and 4 KB of zeros, for
every page. For a small VGG with batch 64 these are 7,000 faults, a fifth of the step. If glibc is set to keep
freed memory, it reuses the same pages.

The cost: up to `KEPT_BYTES` stay with the process, and glibc stops adapting its thresholds, which cannot be
undone. Other C libraries (musl, macOS, Windows) have no such setting.
"""

from __future__ import annotations

import ctypes
import os
import sys

# malloc.h of glibc
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

MMAP_BYTES = 1 << 25
"""The largest threshold that glibc accepts. Larger arrays are mapped and unmapped individually."""

KEPT_BYTES = 1 << 30
"""The number of bytes that may be free at the end of the heap before memory is returned."""

DEFAULT_BYTES = 1 << 17
"""glibc's initial value of both thresholds."""

SETTINGS_OF_THE_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
"""Environment variables; if one is set, the allocator is not changed."""

UNTOUCHED, KEPT, RETURNED = "untouched", "keeps freed memory", "gives freed memory back"

_state = UNTOUCHED


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
    except OSError:  # Python is statically linked
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None


def obstacle() -> str | None:
    """The reason why the allocator of this process cannot be set; None if it can."""
    if _glibc() is None:
        return "not available: the C library is not glibc"
    own = [name for name in SETTINGS_OF_THE_USER if name in os.environ]
    return f"left alone: {own[0]} is set" if own else None


def state() -> str:
    """What this module has done to the allocator, or why it cannot be set.

    >>> state() in (UNTOUCHED, KEPT, RETURNED, obstacle())
    True
    """
    return obstacle() or _state


def keep_freed_memory() -> bool:
    """Set glibc to keep freed memory for the next allocation; returns whether it does."""
    return _set(MMAP_BYTES, KEPT_BYTES, KEPT)


def return_freed_memory() -> bool:
    """Restore glibc's initial thresholds, and return free memory; returns whether that was possible.

    It does not restore everything: once set, glibc no longer adapts its thresholds.
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
    """Return all unused pages of glibc's heap to the system, once.

    >>> trim()
    """
    library = _glibc()
    if library is not None:
        library.malloc_trim(ctypes.c_size_t(0))
