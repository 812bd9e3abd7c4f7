"""How the C library handles freed memory, and in which pages.

Every training step allocates and frees the same large arrays. glibc returns memory to the system as soon as
some megabytes are free at the end of its heap, so the next step causes a page fault, and 4 KB of zeros, for
every page. For a small VGG with batch 64 these are 7,000 faults, a fifth of the step. If glibc is set to keep
freed memory, it reuses the same pages.

A processor keeps the places of some thousand pages of 4 KB at hand; a ResNet-20 uses 50,000. Linux has pages
of 2 MB for whoever asks (``madvise``). NumPy asks for arrays of 4 MB and more, and here the whole heap does,
in which smaller ones lie: a step of a convolutional network takes 0.98 of its time (Zen 4).

The cost: up to `KEPT_BYTES` stay with the process, rounded up to 2 MB where there are such pages, and glibc
stops adapting its thresholds, which cannot be undone. Other C libraries (musl, macOS, Windows) have no such
setting.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

# malloc.h of glibc
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3

MMAP_BYTES = 1 << 25
"""The largest threshold that glibc accepts. Larger arrays are mapped and unmapped individually."""

KEPT_BYTES = 1 << 30
"""The number of bytes that may be free at the end of the heap before memory is returned."""

RESERVED_BYTES = 1 << 29
"""The heap grows by so many addresses, without memory, before it asks for large pages: what it grows by later
does not get them."""

MADV_HUGEPAGE = 14  # mman.h of Linux
LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

DEFAULT_BYTES = 1 << 17
"""glibc's initial value of both thresholds, and of what it adds when the heap grows."""

SETTINGS_OF_THE_USER = (
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TOP_PAD_",
    "GLIBC_TUNABLES",
)
"""Environment variables; if one is set, the allocator is not changed."""

UNTOUCHED, KEPT, RETURNED = "untouched", "keeps freed memory", "gives freed memory back"

_state = UNTOUCHED
_asked = False  # whether the heap grew, and Linux took the advice


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
    except OSError:  # Python is statically linked
        return None
    if not hasattr(library, "gnu_get_libc_version"):
        return None
    library.malloc.argtypes, library.malloc.restype = (ctypes.c_size_t,), ctypes.c_void_p
    library.free.argtypes = (ctypes.c_void_p,)
    library.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    library.malloc_trim.argtypes = (ctypes.c_size_t,)
    return library


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


def large_pages() -> bool:
    """Whether the heap has been given pages of 2 MB, as far as the system has free ones.

    False also where they were asked for, but the heap could not grow before: under a limit of addresses
    (``ulimit -v``), or in a thread other than the main one, whose memory lies elsewhere.

    >>> large_pages() and state() != KEPT
    False
    """
    try:
        return state() == KEPT and _asked and "[never]" not in LARGE_PAGES.read_text()
    except OSError:  # a system without them
        return False


def keep_freed_memory() -> bool:
    """Set glibc to keep freed memory for the next allocation, in large pages where Linux has them; returns
    whether it keeps it."""
    done = _set(MMAP_BYTES, KEPT_BYTES, KEPT)
    if done:
        _ask_for_large_pages()
    return done


def return_freed_memory() -> bool:
    """Restore glibc's initial thresholds, and return free memory; returns whether that was possible.

    It does not restore everything: once set, glibc no longer adapts its thresholds. Of what is freed later
    glibc returns what lies at the end of the heap or is mapped individually; a hole below an array in use
    stays with the process until :func:`trim`.
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
        library.malloc_trim(0)
        if _state == KEPT:
            _ask_for_large_pages()


def _ask_for_large_pages() -> None:
    global _asked
    library = _glibc()
    assert library is not None
    library.mallopt(M_TOP_PAD, RESERVED_BYTES)
    block = library.malloc(MMAP_BYTES // 2) or 0
    library.free(block)  # the heap grows, and keeps its new end
    library.mallopt(M_TOP_PAD, DEFAULT_BYTES)
    grown, answers = False, []
    with suppress(OSError):  # no /proc
        for line in Path("/proc/self/maps").read_text().splitlines():
            if line.endswith("[heap]"):
                start, stop = (int(address, 16) for address in line.split()[0].split("-"))
                grown |= start <= block < stop
                answers.append(library.madvise(start, stop - start, MADV_HUGEPAGE))
    _asked = grown and not any(answers)
