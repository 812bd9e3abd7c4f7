"""Memory that several processes see, and tensors that move into it, as PyTorch's ``share_memory_()`` does."""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Callable, Iterable
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from cnn_physics77.compile.capture.seams import HOLDERS, change_arrays, instances
from cnn_physics77.compile.capture.trace import EXTERNAL, Buffer, owner_of
from cnn_physics77.compile.interrupts import unwind_protect
from cnn_physics77.compile.schedule.memory import ALIGNMENT


class Segment:
    """A piece of shared memory. It exists as long as an array of it, or a process that has mapped it.

    Attributes:
        address: how another process finds it while this object lives: kind, place, size.
    """

    def __init__(self, size: int) -> None:
        size = max(size, 1)
        if hasattr(os, "memfd_create"):  # nameless: nothing is left behind, whatever happens
            file = os.memfd_create("cnn_physics77")
            os.ftruncate(file, size)
            self._memory: Any = memoryview(mmap.mmap(file, size))
            self.address = ["file", f"/proc/{os.getpid()}/fd/{file}", size]
            weakref.finalize(self, os.close, file)  # whoever needed the address has mapped it
        else:
            named = SharedMemory(create=True, size=size)
            self._memory = named.buf
            self.address = ["name", named.name, size]
            weakref.finalize(self, named.unlink)
        self.start = np.frombuffer(self._memory, np.uint8).__array_interface__["data"][0]
        self.size = size
        _segments.add(self)

    def view(self, start: int, stop: int) -> memoryview:
        """Some bytes."""
        return self._memory[start:stop]


_segments: weakref.WeakSet[Segment] = weakref.WeakSet()


def segment_of(buffer: Buffer) -> Segment | None:
    """The segment that a buffer lies in, if it does."""
    for segment in _segments:
        if segment.start <= buffer.start and buffer.stop <= segment.start + segment.size:
            return segment
    return None


def aligned(size: int) -> int:
    """The size, rounded up to whole cache lines."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def array_in(segment: Segment, start: int, like: np.ndarray) -> np.ndarray:
    """An array like ``like``, which owns its memory, in a segment. It is the owner of its own views."""
    low, high = byte_bounds(like)
    first = like.__array_interface__["data"][0] - low
    return np.ndarray(like.shape, like.dtype, segment.view(start, start + high - low), first, like.strides)


def move(
    buffers: Iterable[Buffer], segment: Segment, starts: Iterable[int]
) -> Callable[[np.ndarray], np.ndarray]:
    """Move buffers, and the tensors in those that others change, into a segment. Returns the function that
    gives for an array the one that has taken its place."""
    moved: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for buffer, start in zip(buffers, starts):
        new = array_in(segment, start, buffer.owner)
        np.copyto(new, buffer.owner)
        if buffer.kind == EXTERNAL and buffer.owner.flags.writeable:
            moved[id(buffer.owner)] = buffer.owner, new
        buffer.owner = new
        buffer.start, buffer.stop = byte_bounds(new)

    def change(array: Any) -> Any:
        if isinstance(array, (list, tuple)):
            return type(array)(change(item) for item in array)
        owner, new = moved.get(id(owner_of(array)), (None, None))
        if owner is None or new is None:
            return array
        if array is owner:
            return new
        offset = array.__array_interface__["data"][0] - byte_bounds(owner)[0]
        return np.ndarray(array.shape, array.dtype, new, offset, array.strides)

    def change_all() -> None:
        for holder in instances(*HOLDERS):
            change_arrays(holder, change)

    unwind_protect(lambda: None, change_all)  # all: views of one memory would part
    return change
