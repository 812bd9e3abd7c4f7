"""Lanes in processes: half of a program runs in a second process, on memory that both see.

Two threads that make short calls wait for one another at the interpreter's lock; two processes do not.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import platform
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cnn_physics77.compile.analysis.needed import operands_of
from cnn_physics77.compile.capture.trace import (
    Buffer,
    CaptureError,
    Choice,
    Guard,
    GuardFailed,
    Operand,
    Step,
    bounds,
)
from cnn_physics77.compile.interrupts import Turn, unwind_protect
from cnn_physics77.compile.replay import lane as lane_module
from cnn_physics77.compile.replay.lane import (
    ABORT,
    ABORTED,
    CONTROL_BYTES,
    DONE,
    FINISHED,
    GO,
    GUARD_FAILED,
    POSITIONS,
    PROGRAM,
    SLEEPING,
    SPINS,
    STATUS,
)
from cnn_physics77.compile.replay.program import Program
from cnn_physics77.compile.replay.shared import Segment, aligned, move, segment_of
from cnn_physics77.compile.schedule.dealing import LANES, Piece, deal, set_waits
from cnn_physics77.compile.schedule.loops import estimate
from cnn_physics77.compile.schedule.memory import Life, lives, plan_memory
from cnn_physics77.compile.text.source import Compiled, Names, in_threads, lines_of

PROGRESS = tuple(8 * lane for lane in range(LANES))
"""Places of the lanes' progress in the control memory."""

LEAST_MICROSECONDS = 200.0
"""By estimate; the lanes of a shorter program would wait for one another most of the time."""


def check_lanes(lanes: str | int) -> None:
    """Raise a ValueError unless there are such lanes here."""
    if lanes not in ("threads", "processes", "auto", 1):
        raise ValueError(f"compile: expected lanes 'threads', 'processes', 'auto' or 1, found {lanes!r}")
    if lanes == "processes" and not can_use_processes():
        raise ValueError(
            f"compile: lanes in processes need Linux or macOS on x86, found {sys.platform} on "
            f"{platform.machine()}; use lanes='threads'"
        )


def can_use_processes() -> bool:
    """Whether lanes in processes work here: they rely on one another's writes being seen in their order."""
    return os.name == "posix" and platform.machine() in ("x86_64", "AMD64")


def is_worth_it(program: Program) -> bool:
    """Whether a program is long enough for lanes in processes."""
    return sum(map(estimate, program.steps)) >= LEAST_MICROSECONDS


class Worker:
    """The process of the second lane."""

    def __init__(self) -> None:
        self.process_id = os.getpid()
        segment = Segment(CONTROL_BYTES)
        self.control = segment.view(0, CONTROL_BYTES).cast("q")
        self.run = 0
        self.turn = Turn()
        self._fence = threading.Lock()
        self._programs = 0
        self._dropped: list[int] = []
        self._interrupted = False
        environment = os.environ | {
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(Path(lane_module.__file__)), json.dumps(segment.address)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            bufsize=0,
        )
        self._segment = segment
        weakref.finalize(self, _end, self.process)

    def load(self, source: str, values: bytes, segments: list[Segment]) -> int:
        """Give the process a program; its number."""
        self._programs += 1
        self._interrupted = True  # until the answer is there: else the next one would be taken for it
        while self._dropped:
            self._send(self._dropped.pop())
        self._send(self._programs, source, values, [segment.address for segment in segments])
        assert self.process.stdout is not None
        if self.process.stdout.read(1) != b"k":
            raise CaptureError("compile: the process of a lane did not start")
        self._interrupted = False
        return self._programs

    def drop(self, program: int) -> None:
        """Let the process forget a program when it is given the next one."""
        self._dropped.append(program)

    def _send(self, *message: Any) -> None:
        data = pickle.dumps(message)
        self._write(b"m" + len(data).to_bytes(8, "little") + data)

    def _write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        while data:
            data = data[self.process.stdin.write(data) :]

    def start(self, program: int) -> int:
        """Let the process run a program; the number of the run times `POSITIONS`."""
        control = self.control
        self.run += 1
        control[PROGRAM] = program
        control[GO] = self.run
        with self._fence:  # what was written before is seen before what is read after
            pass
        if control[SLEEPING]:
            self._write(b"w")
        return self.run * POSITIONS

    def wait(self, cell: int, value: int) -> None:
        """Wait until the other lane has got as far.

        Raises:
            GuardFailed: it found that a value that decides differs.
            CaptureError: it has ended, or failed.
        """
        control, looks = self.control, 0
        while control[cell] < value:
            looks += 1
            if looks > SPINS:
                if control[FINISHED] == self.run and control[STATUS] != DONE:
                    self._raise(control[STATUS])
                time.sleep(0)
                if looks % SPINS == 0 and not self.is_alive():
                    raise CaptureError("compile: the process of a lane has ended")

    def finish(self) -> None:
        """Wait for the end of the run."""
        self.wait(FINISHED, self.run)
        if self.control[STATUS] != DONE:
            self._raise(self.control[STATUS])

    def abort(self) -> None:
        """Give the run up, unless it has ended, and wait until the process does nothing."""
        self.control[ABORT] = self.run
        while self.control[GO] == self.run and self.control[FINISHED] < self.run and self.is_alive():
            time.sleep(0)

    def is_alive(self) -> bool:
        """Whether the process runs, is a child of this one, and has answered what it was told."""
        return not self._interrupted and os.getpid() == self.process_id and self.process.poll() is None

    @staticmethod
    def _raise(status: int) -> None:
        if status in (GUARD_FAILED, ABORTED):
            raise GuardFailed
        raise CaptureError("compile: the process of a lane failed; its error was printed above")


def _end(process: subprocess.Popen) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


_workers: dict[int, Worker] = {}


def worker() -> Worker:
    """The worker of this process, started when it is first asked for."""
    process = os.getpid()
    found = _workers.get(process)
    if found is None or not found.is_alive():
        found = _workers[process] = Worker()
    return found


class LanedProgram(Program):
    """A program in two processes.

    Args:
        program: of one process; its buffers move into shared memory.

    Attributes:
        here: run all pieces in this process, one after another, which gives the same bits.
    """

    here = False

    def __init__(self, program: Program) -> None:
        self.interface, self.lanes = program.interface, 1
        self.steps, self.parts, self.given = program.steps, [program.steps], program.given
        self.results = program.results
        buffers = dict.fromkeys(o.buffer for s in self.steps for o in (*s.reads, *s.writes))
        buffers |= dict.fromkeys(o.buffer for o in (*self.given.writes, *self.results))
        temporary = [b for b in buffers if program.start_of(b) is not None]
        others = [b for b in buffers if program.start_of(b) is None]
        self.pieces = deal(self.steps, {i for i, step in enumerate(self.steps) if not _is_numpy(step)})
        alive = lives([self.given, *self.steps], self.results)
        self._offsets, self.bytes = _planned(temporary, alive, self.pieces)
        set_waits(self.pieces, self._offsets)
        moving = [b for b in others if segment_of(b) is None]
        starts, total = [], 0
        for buffer in moving:
            starts.append(total)
            total += aligned(buffer.size)
        shared = Segment(total)
        self.moved = move(moving, shared, starts)
        self.segments = list(dict.fromkeys([shared, *filter(None, map(segment_of, others))]))
        self.bind()

    def _place(self, buffer: Buffer) -> tuple[int, int]:
        """The number of the memory that a buffer lies in, and where it begins there."""
        start = self.start_of(buffer)
        if start is not None:
            return 0, start
        segment = segment_of(buffer)
        assert segment is not None
        return 1 + self.segments.index(segment), buffer.start - segment.start

    def own_memory(self, size: int) -> np.ndarray:
        segment = Segment(size)
        self.segments = [*self.segments, segment]
        return np.frombuffer(segment.view(0, size), np.uint8)

    def bind(self) -> None:
        segment = Segment(self.bytes)
        self.arena = np.frombuffer(segment.view(0, self.bytes), np.uint8)
        self._start = 0
        self._arrays = {}
        self._worker = worker()
        first, second = (self._compiled(lane) for lane in range(LANES))
        self.source = f"{first.source}\n\n{second.source}"
        values = _Packer(self._place).packed(second.values)
        self._number = self._worker.load(second.source, values, [segment, *self.segments])
        self.inputs = [self.array(operand) for operand in self.given.writes]
        self.runs = [first.bound(self.array, control=self._worker.control, wait=self._worker.wait)]
        weakref.finalize(self, self._worker.drop, self._number)

    def usable(self) -> bool:
        return self._worker.is_alive()

    def run(self, part: int = 0) -> None:
        """Run both lanes.

        Raises:
            GuardFailed: a value that decides differs.
            Busy: another thread uses the process.
        """
        if self.here:
            return in_threads(piece.step for piece in self.pieces).bound(self.array)()
        worker = self._worker

        def run_both() -> None:
            base = worker.start(self._number)
            self.runs[part](base)
            worker.finish()

        worker.turn.take(unwind_protect, run_both, worker.abort)

    def _compiled(self, lane: int) -> Compiled:
        """The function of a lane; its argument is the number of the run times `POSITIONS`."""
        names, other, body = Names(), 1 - lane, []
        awaited = {piece.wait for piece in self.pieces if piece.lane == other}
        for piece in self.pieces:
            if piece.lane != lane:
                continue
            if piece.wait >= 0:
                cell, value = PROGRESS[other], piece.wait + 1
                body.append(f"if control[{cell}] < base + {value}: wait({cell}, base + {value})")
            body += lines_of(piece.step, names)
            if piece.position in awaited:
                body.append(f"control[{PROGRESS[lane]}] = base + {piece.position + 1}")
        return Compiled(names, body, parameter="base")


def _planned(
    buffers: list[Buffer], alive: dict[Buffer, Life], pieces: list[Piece]
) -> tuple[dict[Buffer, int], int]:
    """An offset for each buffer, and the bytes of all together.

    Buffers share memory only where the same lanes use them, and each lane writes the same part of them: a
    lane that wrote where the other one had written would wait for it, and for the cache of its processor.
    """
    lanes: dict[Buffer, set[int]] = {buffer: set() for buffer in buffers}
    parts: dict[Buffer, dict[int, tuple[int, int]]] = {buffer: {} for buffer in buffers}
    for piece in pieces:
        for operand in operands_of(piece.step):
            lanes.setdefault(operand.buffer, set()).add(piece.lane)
        for operand in piece.step.writes:
            low, high = bounds(operand)
            of_lanes = parts.setdefault(operand.buffer, {})
            first, last = of_lanes.get(piece.lane, (low, high))
            of_lanes[piece.lane] = min(low, first), max(high, last)
    groups: dict[Any, dict[Buffer, Life]] = {}
    for buffer in buffers:
        written = parts[buffer]
        use = frozenset(lanes[buffer]), frozenset(written if len(written) == 1 else written.items())
        groups.setdefault(use, {})[buffer] = alive[buffer]
    offsets: dict[Buffer, int] = {}
    total = 0
    for group in groups.values():
        planned, size = plan_memory(group)
        offsets |= {buffer: total + offset for buffer, offset in planned.items()}
        total += size
    return offsets, total


class _Packer(pickle.Pickler):
    """Packs values for a process that has NumPy alone, operands as places in the memory that both see.

    Raises:
        PicklingError: a value is not of NumPy or Python.
    """

    def __init__(self, place: Callable[[Buffer], tuple[int, int]]) -> None:
        self._file = io.BytesIO()
        super().__init__(self._file)
        self._place = place

    def persistent_id(self, value: Any) -> Any:
        """The place of an operand: the number of its memory, where it begins, and its form."""
        if isinstance(value, Operand):
            memory, start = self._place(value.buffer)
            return memory, start + value.offset, value.shape, value.dtype, value.strides
        module = getattr(value, "__module__", None) or type(value).__module__
        if module.partition(".")[0] not in ("numpy", "builtins"):
            raise pickle.PicklingError(f"{module} may not be there")
        return None

    def packed(self, values: Any) -> bytes:
        """The values as bytes."""
        self.dump(values)
        return self._file.getvalue()


def _is_numpy(step: Step) -> bool:
    """Whether a process that has NumPy alone can run a step."""
    if isinstance(step, Guard):
        return True
    if isinstance(step, Choice):
        return all(map(_is_numpy, (*step.first, *step.other)))
    try:
        _Packer(lambda buffer: (0, 0)).packed((step.function, step.arguments, step.options))
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True
