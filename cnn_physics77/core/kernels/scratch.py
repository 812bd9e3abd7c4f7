"""Memory for what one block of work needs on its way, the same from block to block.

Fresh arrays inside of a thread are mapped and given back at each call. Each thread therefore reserves one
piece of memory, which every block parts anew among the names that it asks for: all kernels share it, it takes
as much real memory as the block that needs most, and it stays in the cache.
"""

import mmap
import threading
from math import prod

import numpy as np

SCRATCH_BYTES = 1 << 24  # a larger array is made afresh and not kept
RESERVED_BYTES = 1 << 25  # of addresses for one thread; the system gives memory where they are first used
LINE = 64  # bytes of a cache line


class Arena(threading.local):
    """The memory of the running thread, and the names among which it is parted."""

    def __init__(self) -> None:
        self.memory: np.ndarray | None = None
        self.pieces: dict[str, np.ndarray] = {}
        self.parted = 0  # bytes
        self.lent = False  # to a block in progress, whose inner blocks add to it

    def piece(self, name: str, size: int) -> np.ndarray:
        piece = self.pieces.get(name)
        if piece is None or piece.size < size:
            if self.memory is None:
                self.memory = _reserved()
            start = self.parted
            self.parted += -(-size // LINE) * LINE
            if self.parted <= self.memory.size:
                piece = self.memory[start : start + size]
            else:
                piece = np.empty(size, np.uint8)
            self.pieces[name] = piece
        return piece

    def begin(self) -> None:
        """Begin a block: nothing of what the one before asked for is needed."""
        self.pieces.clear()
        self.parted = 0


def _reserved() -> np.ndarray:
    if hasattr(mmap, "MAP_PRIVATE"):  # not shared with a forked child
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        return np.frombuffer(mmap.mmap(-1, RESERVED_BYTES, flags=flags), np.uint8)
    return np.empty(RESERVED_BYTES, np.uint8)


arena = Arena()


def scratch(name: str, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> np.ndarray:
    """An uninitialised array for use inside of one block, aligned to cache lines.

    Its content lasts until this thread asks for the same name again, or begins its next block. Arrays beyond
    `SCRATCH_BYTES` are made afresh.

    >>> scratch("example", (2, 3), np.float32).shape
    (2, 3)
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    if size > SCRATCH_BYTES:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, arena.piece(name, size))
