"""Replay: a trace as a Python function that makes the same NumPy calls on memory of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cnn_physics77.compile.analysis.needed import constants, decided_early, filled, needed
from cnn_physics77.compile.capture.trace import (
    INPUT,
    TEMPORARY,
    Buffer,
    Call,
    CaptureError,
    Operand,
    Step,
    array_at,
)
from cnn_physics77.compile.schedule.loops import schedule
from cnn_physics77.compile.schedule.memory import ALIGNMENT, lives, plan_memory
from cnn_physics77.compile.text.listing import table
from cnn_physics77.compile.text.source import in_threads
from cnn_physics77.compile.text.standalone import module_of
from cnn_physics77.core.kernels.runtime.pool import get_num_threads

if TYPE_CHECKING:
    from cnn_physics77.compile.capture.recorded import Recording
    from cnn_physics77.compile.text.naming import Interface


class Program:
    """The needed steps of a trace, with their arrays bound to memory.

    Where the results of the call can be differentiated, it has two parts: the forward calls, and the backward
    calls, which come later or never. What those read stays alive between them, because the lives of arrays
    are those in one list of steps: one that writes the arguments, the forward calls, one that reads the
    results and writes their gradients, the backward calls. All that a replay changes, but the memory of
    others, lies in memory of the program, so that several of them (:meth:`rebound`) can wait for their
    backward pass at once.

    Args:
        made: what was recorded.
        lanes: the most that run at once; None for as many as there are threads.

    Attributes:
        parts: the needed steps of each part, in order.
        steps: those of all parts.
        results: arrays that are read after the last step.
        given: the step that writes the arguments.
        inputs: the memory of their copies.
        lanes: the most that run at once.
        bytes: of the memory of all temporaries.
        source: the Python function that makes the calls.
        interface: names of what it is given, gives and uses.
        note: how its lanes were chosen; "" where they were given.
        segments: shared memory in which tensors that it uses lie, kept for the next capture.
    """

    interface: Interface
    note = ""
    segments: Sequence[Any] = ()
    _arrays: dict[Operand, np.ndarray]
    inputs: list[np.ndarray]
    runs: list[Callable[..., None]]

    def __init__(self, made: Recording, lanes: int | None = None) -> None:
        steps, backward = made.trace.steps, made.backward
        read = [one.place for one in made.new()] + [
            place for _, place in (*made.changed_inputs(), *made.grads)
        ]
        given = _seam((), [place for _, place in made.inputs])
        forward, late = steps[: made.boundary], []
        self.results = _places(read)
        if backward is not None:
            tangents, self.results = _places(backward.tangents), _places(backward.gradients)
            late = steps[made.boundary :] if backward.sources else []
            early = dict.fromkeys(decided_early(forward, late, tangents))
            forward = [*forward, *early]
            late = [_seam(_places(read), tangents), *(step for step in late if step not in early)]
        noted = [given, *map(filled, constants(steps)), *forward, *late]
        kept, unwritten = needed(noted, self.results)
        self._check(kept, set(unwritten))
        self.given, self.parts = given, _parts(kept)
        self.steps = [step for part in self.parts for step in part]
        self.lanes = lanes or get_num_threads()
        items = list(schedule(kept, self.lanes))
        alive = lives(items, self.results)
        self._offsets, self.bytes = plan_memory(
            {buffer: life for buffer, life in alive.items() if _is_own(buffer)}
        )
        self._functions = [in_threads(part) for part in _parts(items)]
        self.source = "\n\n".join(function.source for function in self._functions)
        self.unbind()

    def unbind(self) -> None:
        """Give the memory of temporaries back until :meth:`bind`."""
        self._arrays, self.inputs, self.runs = {}, [], []
        self.arena = np.empty(0, np.uint8)

    def bind(self) -> None:
        """Take memory for the temporaries."""
        self.arena = np.empty(self.bytes + ALIGNMENT, np.uint8)
        self._start = -self.arena.__array_interface__["data"][0] % ALIGNMENT
        self._arrays = {}
        self.runs = [function.bound(self.array) for function in self._functions]
        self.inputs = [self.array(operand) for operand in self.given.writes]

    def run(self, part: int = 0) -> None:
        """Make the calls of a part.

        Raises:
            GuardFailed: a value that decides differs.
        """
        self.runs[part]()

    def usable(self) -> bool:
        """Whether it can run now."""
        return True

    def own_memory(self, size: int) -> np.ndarray:
        """Memory that it can use, besides that of temporaries."""
        return np.empty(size, np.uint8)

    def rebound(self) -> Self:
        """The same program on new memory."""
        other: Self = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.bind()
        return other

    def _check(self, steps: list[Step], unwritten: set[Buffer]) -> None:
        for step in steps:
            for operand in step.reads:
                if operand.buffer.kind == TEMPORARY and operand.buffer in unwritten:
                    raise CaptureError(
                        f"{step.operation or 'the function'} reads {operand.shape} {operand.dtype} of memory "
                        "that no captured call has written; a kernel computes where a capture does not see it"
                    )

    def __str__(self) -> str:
        return table(self)

    def save(self, path: str | PathLike) -> None:
        """Write the program as a Python module that needs NumPy alone: see :mod:`.standalone`.

        Raises:
            CaptureError: it calls something that is not NumPy's.
        """
        Path(path).write_text(module_of(self))

    def start_of(self, buffer: Buffer) -> int | None:
        """Where a temporary begins in the program's memory, in bytes; None for other memory."""
        return self._offsets.get(buffer)

    def array(self, operand: Operand) -> np.ndarray:
        """The array of an operand in the memory of the program."""
        array = self._arrays.get(operand)
        if array is None:
            array = self._arrays[operand] = self._bound(operand)
        return array

    def _bound(self, operand: Operand) -> np.ndarray:
        shape, strides, dtype = operand.shape, operand.strides, operand.dtype
        start = self._offsets.get(operand.buffer)
        if start is not None:
            return np.ndarray(shape, dtype, self.arena, self._start + start + operand.offset, strides)
        return array_at(operand)


def _is_own(buffer: Buffer) -> bool:
    """Whether a program has memory of its own for a buffer."""
    return buffer.kind in (INPUT, TEMPORARY) or buffer.initial is not None


def _places(places: list[Any]) -> list[Operand]:
    """Those that are operands: the others are None, or empty arrays."""
    return [place for place in places if isinstance(place, Operand)]


def _nothing(*arrays) -> None:
    """Memory is read or written from outside of the program."""


def _seam(reads: Iterable[Operand], writes: Iterable[Operand]) -> Call:
    """The step before a part."""
    return Call(_nothing, (), {}, None, tuple(reads), tuple(writes), draws=True)


def _parts(items: list[Any]) -> list[list[Any]]:
    """The items between the seams."""
    parts: list[list[Any]] = []
    for item in items:
        if isinstance(item, Call) and item.function is _nothing:
            parts.append([])
        else:
            parts[-1].append(item)
    return parts
