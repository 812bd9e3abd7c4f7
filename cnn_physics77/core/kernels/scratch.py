"""Memory for what one block of work needs on its way, the same from block to block.

Fresh arrays inside of a thread are mapped and given back at each call. Each thread therefore keeps one piece
of memory, which every block parts anew among the names that it asks for: all kernels share it, it is as large
as the block that needs most, and it stays in the cache.
"""

import threading
from math import prod

import numpy as np

SCRATCH_BYTES = 1 << 24  # a larger array is made afresh and not kept
LINE = 64  # bytes of a cache line


class Arena(threading.local):
    """The memory of the running thread, and the names among which it is parted."""

    def __init__(self) -> None:
        self.memory = np.empty(0, np.uint8)
        self.pieces: dict[str, np.ndarray] = {}
        self.parted = 0  # bytes
        self.lent = False  # to a block in progress, whose inner blocks add to it

    def piece(self, name: str, size: int) -> np.ndarray:
        piece = self.pieces.get(name)
        if piece is None or piece.size < size:
            start = self.parted
            self.parted += -(-size // LINE) * LINE
            if self.parted <= self.memory.size:
                piece = self.memory[start : start + size]
            else:  # until the next block, for which there will be enough
                piece = _aligned(size)
            self.pieces[name] = piece
        return piece

    def begin(self) -> None:
        """Begin a block: nothing of what the one before asked for is needed."""
        if self.pieces:
            self.pieces.clear()
            if self.parted > self.memory.size:
                self.memory = _aligned(self.parted)
            self.parted = 0


def _aligned(size: int) -> np.ndarray:
    raw = np.empty(size + LINE - 1, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size]


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
