"""Scratch memory: temporary arrays of a block, whose memory is reused from block to block.

New arrays would be mapped and unmapped by each call in a thread. Instead, each thread reserves one arena, in
which the arrays of a block are allocated one after another, as on a stack. The arena uses as much physical
memory as the largest block needs, and stays in the cache.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Iterable
from math import prod

import numpy as np

SCRATCH_BYTES = 1 << 24
"""Larger arrays are newly allocated and not kept."""

ARENA_BYTES = 1 << 25
"""Address space that one thread reserves; the system provides memory at the first use."""

LINE_BYTES = 64
"""Bytes of a cache line."""


class Arena(threading.local):
    """The scratch memory of a thread, and the frame of its current block, if any."""

    def __init__(self) -> None:
        self.memory: np.ndarray | None = None
        self.frame: Frame | None = None


class Frame:
    """The part of an arena from which the blocks of one loop allocate: everything after ``start``.

    A loop inside of a block, also in a signal handler, has its own frame after that of the block. A capture
    puts a frame of its own class in place, whose arrays are never reused.
    """

    __slots__ = ("arrays", "offset", "start")
    start: int
    offset: int

    def __init__(self, outer: Frame | None) -> None:
        self.start = self.offset = 0 if outer is None else outer.offset
        self.arrays: dict[str, np.ndarray] = {}

    def begin(self, block: int) -> None:
        """Start a block: the allocations of the previous block are released."""
        self.arrays.clear()
        self.offset = self.start

    def inner(self) -> Frame:
        """The frame of a loop inside of the current block."""
        return Frame(self)

    def array(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An array of the current block; see `scratch`."""
        size = prod(shape) * dtype.itemsize
        if size > SCRATCH_BYTES:
            return np.empty(shape, dtype)
        return np.ndarray(shape, dtype, self._allocate(name, size))

    def _allocate(self, name: str, size: int) -> np.ndarray:
        """``size`` bytes; the same memory for the same name in the same block."""
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
    """Call ``function(block)`` for every block in this thread, each with its own scratch memory."""
    outer = arena.frame
    try:
        arena.frame = frame = Frame(None) if outer is None else outer.inner()
        for block in blocks:
            frame.begin(block)
            function(block)
    finally:
        arena.frame = outer  # one assignment: KeyboardInterrupt is raised before or after it


def run_block(function: Callable[..., object], *arguments: object, **options: object) -> object:
    """Run ``function(*arguments, **options)`` as one block, outside of a loop."""
    outer = arena.frame
    try:
        arena.frame = Frame(None) if outer is None else outer.inner()
        return function(*arguments, **options)
    finally:
        arena.frame = outer


def scratch(name: str, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> np.ndarray:
    """An uninitialised array for use inside of one block, aligned to cache lines.

    Its content is valid until the block ends or requests the same name again. Arrays larger than
    `SCRATCH_BYTES`, and all arrays outside of blocks, are newly allocated.

    >>> scratch("example", (2, 3), np.float32).shape
    (2, 3)
    """
    frame = arena.frame
    return np.empty(shape, dtype) if frame is None else frame.array(name, shape, np.dtype(dtype))
