"""One lane of a program, in a process of its own. It needs NumPy alone, and nothing of the package.

It is started by :mod:`.processes` with the address of its control memory. Programs arrive on the standard
input; when to run is seen in the control memory. It ends when its parent does.
"""

from __future__ import annotations

import io
import json
import mmap
import os
import pickle
import select
import signal
import sys
import time
import traceback
from multiprocessing import resource_tracker, shared_memory

import numpy as np

# Places in the control memory, as 64-bit numbers, each in a cache line of its own. Places 0 and 8 hold the
# progress of the lanes.
GO, PROGRAM, ABORT, SLEEPING, FINISHED, STATUS = range(16, 64, 8)
CONTROL_BYTES = 64 * 8
POSITIONS = 1 << 24  # of one run, at most; a run's number times this is added to its positions
DONE, GUARD_FAILED, FAILED, ABORTED = range(4)

SPINS = 2000  # looks at the memory before a waiting process lets others run
IDLE_SECONDS = 2e-3  # of looking before an idle lane sleeps
LOOK_SECONDS = 0.25  # how often a sleeping or waiting lane looks whether its parent lives


class GuardFailed(Exception):
    """A value that decides differs from what it was in the capture."""


class Aborted(Exception):
    """The parent has given the run up."""


def opened(address: list) -> memoryview:
    """The memory at an address that :class:`shared.Segment` gave."""
    kind, place, size = address
    if kind == "file":
        file = os.open(place, os.O_RDWR)
        try:
            return memoryview(mmap.mmap(file, size))
        finally:
            os.close(file)
    resource_tracker.register = lambda *names: None  # the parent unlinks it
    memory = shared_memory.SharedMemory(place).buf
    assert memory is not None
    return memory


class Lane:
    """The lane's side."""

    def __init__(self, control: list) -> None:
        self.control = opened(control).cast("q")
        self.parent = os.getppid()
        self.programs: dict = {}
        self.run = 0

    def serve(self) -> None:
        """Run programs until the parent has gone."""
        control = self.control
        while True:
            until = time.monotonic() + IDLE_SECONDS
            while control[GO] == self.run and time.monotonic() < until:
                pass
            if control[GO] == self.run:
                control[SLEEPING] = 1
                if control[GO] == self.run and select.select([0], [], [], LOOK_SECONDS)[0]:
                    self.receive()
                control[SLEEPING] = 0
                self.look_for_parent()
            else:
                self.run = control[GO]
                control[STATUS] = self.execute(control[PROGRAM])
                control[FINISHED] = self.run

    def execute(self, program: int) -> int:
        """Run a program; its status."""
        try:
            with np.errstate(all="ignore"):
                self.programs[program](self.run * POSITIONS)
        except GuardFailed:
            return GUARD_FAILED
        except Aborted:
            return ABORTED
        except BaseException:
            traceback.print_exc()
            return FAILED
        return DONE

    def wait(self, cell: int, value: int) -> None:
        """Wait until another lane has got as far."""
        control, looks, look = self.control, 0, 0.0
        while control[cell] < value:
            looks += 1
            if looks > SPINS:
                if control[ABORT] >= self.run:
                    raise Aborted
                time.sleep(0)
                if time.monotonic() > look:
                    look = time.monotonic() + LOOK_SECONDS
                    self.look_for_parent()

    def look_for_parent(self) -> None:
        if os.getppid() != self.parent:
            os._exit(0)

    def receive(self) -> None:
        """One message: a byte that wakes, or a program, or the number of one that is not needed any more."""
        head = os.read(0, 1)
        if not head:
            os._exit(0)
        if head == b"w":
            return
        number, *program = pickle.loads(read(int.from_bytes(read(8), "little")))
        if not program:
            self.programs.pop(number, None)
            return
        source, values, segments = program
        given = {"copyto": np.copyto, "GuardFailed": GuardFailed}
        space: dict = {**given, "control": self.control, "wait": self.wait}
        exec(compile(source, "<lane>", "exec"), space)
        self.programs[number] = space["bind"](*Unpacker(values, list(map(opened, segments))).load())
        os.write(1, b"k")


class Unpacker(pickle.Unpickler):
    """Unpacks the values of a program, with arrays for places in memory."""

    def __init__(self, data: bytes, memory: list[memoryview]) -> None:
        super().__init__(io.BytesIO(data))
        self.memory = memory

    def persistent_load(self, place: tuple) -> np.ndarray:
        """The array at a place."""
        memory, start, shape, dtype, strides = place
        return np.ndarray(shape, dtype, self.memory[memory], start, strides)


def read(size: int) -> bytes:
    """So many bytes of the standard input."""
    parts = b""
    while len(parts) < size:
        part = os.read(0, size - len(parts))
        if not part:
            os._exit(0)
        parts += part
    return parts


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    Lane(json.loads(sys.argv[1])).serve()
