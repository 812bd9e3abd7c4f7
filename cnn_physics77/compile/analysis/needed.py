"""Analysis of a trace: which calls are needed, and where in memory the temporaries of a replay lie.

Both follow from what each call reads and writes. A call is needed if something that it writes is read by a
needed call, or is seen by others. A temporary is alive from its first to its last needed call; temporaries
whose lives do not meet share memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import gcd

import numpy as np

from cnn_physics77.compile.capture.trace import EXTERNAL, Buffer, Call, Choice, Operand, Step


class Marks:
    """A set of bytes of each buffer, in units of the smallest step in it."""

    def __init__(self, operands: Iterable[Operand]) -> None:
        self._units: dict[Buffer, int] = {}
        for o in operands:
            self._units[o.buffer] = gcd(
                self._units.get(o.buffer, 0), o.dtype.itemsize, o.offset, *o.strides, o.buffer.size
            )
        self._marks: dict[Buffer, np.ndarray] = {}

    def of(self, operand: Operand) -> np.ndarray:
        """The marks of the bytes of an operand, as a view."""
        unit = self._units[operand.buffer]
        marks = self.whole(operand.buffer)
        shape = (*operand.shape, operand.dtype.itemsize // unit)
        strides = (*(stride // unit for stride in operand.strides), 1)
        return np.ndarray(shape, bool, marks, operand.offset // unit, strides)

    def whole(self, buffer: Buffer) -> np.ndarray:
        """The marks of all bytes of a buffer."""
        marks = self._marks.get(buffer)
        if marks is None:
            marks = self._marks[buffer] = np.zeros(buffer.size // self._units[buffer], bool)
        return marks

    def some(self, operands: Iterable[Operand]) -> dict[Buffer, np.ndarray]:
        """Copies of the marks of the buffers in which operands lie."""
        return {o.buffer: self.whole(o.buffer).copy() for o in operands}

    def set(self, marks: dict[Buffer, np.ndarray]) -> None:
        """Set the marks of some buffers."""
        for buffer, of_buffer in marks.items():
            self.whole(buffer)[...] = of_buffer

    def close(self, buffer: Buffer) -> bool:
        """Whether a byte of a buffer is marked; its marks are given back."""
        marks = self._marks.pop(buffer, None)
        return marks is not None and bool(marks.any())


def constants(steps: list[Step]) -> list[Buffer]:
    """What Python filled during the capture and calls change: it is filled again before each replay."""
    used = dict.fromkeys(operand.buffer for step in steps for operand in operands_of(step))
    return [buffer for buffer in used if buffer.initial is not None]


def filled(buffer: Buffer) -> Call:
    """The call that fills a constant with what it held at first."""
    owner = buffer.owner
    place = Operand(buffer, 0, owner.shape, owner.strides, owner.dtype)
    return Call(np.copyto, (buffer.initial,), {}, place, (), (place,), "constant")


def needed(steps: list[Step], results: list[Operand]) -> tuple[list[Step], list[Buffer]]:
    """The steps that are needed, and the buffers that they read before they have written them.

    ``results`` are read at the end, and so is all external memory.
    """
    wanted = Marks(operand for source in (results, *map(operands_of, steps)) for operand in source)
    for operand in results:
        wanted.of(operand)[...] = True
    first_used: dict[Buffer, int] = {}
    for number, step in enumerate(steps):
        for operand in operands_of(step):
            first_used.setdefault(operand.buffer, number)
    kept: list[Step] = []
    unwritten = [o.buffer for o in results if o.buffer not in first_used]
    closing = list(first_used.items())
    for number in reversed(range(len(steps))):
        kept += _needed([steps[number]], wanted)
        while closing and closing[-1][1] == number:
            buffer, _ = closing.pop()
            if wanted.close(buffer):
                unwritten.append(buffer)
    kept.reverse()
    return kept, unwritten


def _needed(steps: list[Step], wanted: Marks) -> list[Step]:
    """The steps that are needed; from what is wanted after them, ``wanted`` becomes what is wanted before."""
    kept: list[Step] = []
    for step in reversed(steps):
        if isinstance(step, Choice):
            step = _needed_choice(step, wanted)
            if step.first or step.other:
                kept.append(step)
            continue
        if isinstance(step, Call) and not (
            step.draws or any(o.buffer.kind == EXTERNAL or wanted.of(o).any() for o in step.writes)
        ):
            continue
        kept.append(step)
        for operand in step.writes:
            wanted.of(operand)[...] = False
        for operand in step.reads:
            wanted.of(operand)[...] = True
    kept.reverse()
    return kept


def _needed_choice(step: Choice, wanted: Marks) -> Choice:
    """Before a choice is wanted what either way wants."""
    after = wanted.some(operands_of(step))
    first = _needed(step.first, wanted)
    before = wanted.some(operands_of(step))
    wanted.set(after)
    other = _needed(step.other, wanted)
    for buffer, marks in before.items():
        wanted.whole(buffer)[...] |= marks
    if first or other:
        wanted.of(step.condition)[...] = True
    return replace(step, first=first, other=other)


def operands_of(step: Step) -> tuple[Operand, ...]:
    return (*step.reads, *step.writes)


def decided_early(forward: list[Step], backward: list[Step], tangents: list[Operand]) -> list[Step]:
    """The guards of the backward pass that do not depend on the gradients, with the calls that compute their
    values. Made at the end of the forward half, they can still choose another capture."""
    used = {o.buffer for step in forward for o in (*step.reads, *step.writes)}
    candidates = set(backward)
    while True:
        stay = {o.buffer for o in tangents}  # what the calls that stay write
        late: set[Buffer] = set()  # and what they use
        early: list[Step] = []
        for step in backward:
            reads, writes = {o.buffer for o in step.reads}, {o.buffer for o in step.writes}
            if step not in candidates or (reads | writes) & stay or writes & (used | late):
                stay |= writes
                late |= reads | writes
            else:
                early.append(step)
        candidates = set(needed(early, [])[0])
        if len(candidates) == len(early):
            return early
