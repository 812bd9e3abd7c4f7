"""Scratch memory: what a block needs on its way, the same memory from block to block.

Fresh arrays inside of a thread are mapped and given back at each call. Each thread therefore reserves one
arena, in which the arrays of a block are allocated one after the other, as on a stack: it takes as much real
memory as the block that needs most, and stays in the cache.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Iterable
from math import prod

import numpy as np

SCRATCH_BYTES = 1 << 24
"""A larger array is allocated afresh and not kept."""

ARENA_BYTES = 1 << 25
"""Addresses that one thread reserves; the system gives memory where they are first used."""

LINE_BYTES = 64
"""A line of the cache."""


class Arena(threading.local):
    """The scratch memory of the running thread, and the frame of the block that it runs, if any."""

    def __init__(self) -> None:
        self.memory: np.ndarray | None = None
        self.frame: Frame | None = None


class Frame:
    """The part of an arena that the blocks of one loop allocate from: what lies behind ``start``.

    A loop inside of a block, also that of a signal handler, has a frame of its own behind the block's.
    """

    __slots__ = ("arrays", "offset", "start")
    start: int
    offset: int

    def __init__(self, outer: Frame | None) -> None:
        self.start = self.offset = 0 if outer is None else outer.offset
        self.arrays: dict[str, np.ndarray] = {}

    def reset(self) -> None:
        """Begin a block: nothing of what the one before allocated is needed."""
        self.arrays.clear()
        self.offset = self.start

    def allocate(self, name: str, size: int) -> np.ndarray:
        """So many bytes, the same as before for the same name in the same block."""
        array = self.arrays.get(name)
        if array is None or array.size < size:
            if arena.memory is None:
                arena.memory = _reserve()
            start = self.offset
            self.offset += -(-size // LINE_BYTES) * LINE_BYTES
            if self.offset <= arena.memory.size:
                array = arena.memory[start : start + size]
            else:
                array = np.empty(size, np.uint8)
            self.arrays[name] = array
        return array


def _reserve() -> np.ndarray:
    if hasattr(mmap, "MAP_PRIVATE"):  # not shared with a forked child
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        return np.frombuffer(mmap.mmap(-1, ARENA_BYTES, flags=flags), np.uint8)
    return np.empty(ARENA_BYTES, np.uint8)


arena = Arena()


def run_blocks(function: Callable[[int], object], blocks: Iterable[int]) -> None:
    """Call ``function(block)`` for every block in this thread, each with scratch memory of its own."""
    outer = arena.frame
    try:
        arena.frame = frame = Frame(outer)
        for block in blocks:
            frame.reset()
            function(block)
    finally:
        arena.frame = outer  # one assignment: a Ctrl-C comes before it or after it


def run_block(function: Callable[..., object], *arguments: object, **options: object) -> object:
    """``function(*arguments, **options)`` as one block, outside of a loop."""
    outer = arena.frame
    try:
        arena.frame = Frame(outer)
        return function(*arguments, **options)
    finally:
        arena.frame = outer


def scratch(name: str, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> np.ndarray:
    """An uninitialised array for use inside of one block, aligned to cache lines.

    Its content lasts until the block ends, or asks for the same name again. Arrays beyond `SCRATCH_BYTES`,
    and all outside of blocks, are new ones.

    >>> scratch("example", (2, 3), np.float32).shape
    (2, 3)
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    frame = arena.frame
    if frame is None or size > SCRATCH_BYTES:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, frame.allocate(name, size))
