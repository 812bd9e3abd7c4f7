"""A program as a table: the number of each call, the NumPy function, the operation of the framework, the
shapes, and where in memory its arrays lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from cnn_physics77.compile.capture.trace import Choice, Guard, Operand, Step

if TYPE_CHECKING:
    from cnn_physics77.compile.replay.program import Program

HEADER = ("", "NumPy", "operation", "shapes", "memory")


def table(program: Program) -> str:
    """The calls of a program, one a line; ``print(program)`` prints it.

    ``@64`` is a temporary, 64 bytes from the start of the program's memory.
    """
    rows: list[tuple[str, ...]] = [HEADER]
    for name, steps in sections(program):
        if name:
            rows.append((name, "", "", "", ""))
        for number, step in enumerate(steps):
            rows += _rows(str(number), step, program)
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[4]]).rstrip() for row in rows]
    calls = sum(len(steps) for _, steps in sections(program))
    head = f"{calls} calls, {program.bytes:,} bytes of temporaries"
    return "\n".join([f"{head}; {program.note}" if program.note else head, *lines])


def _rows(number: str, step: Step, program: Program) -> Iterator[tuple[str, ...]]:
    if not isinstance(step, Choice):
        yield number, called(step), step.operation, _shapes(step), _memory(step, program)
        return
    yield number, "if", step.operation, _shape(step.condition), place(step.condition, program)
    for word, steps in (("", step.first), ("else", step.other)):
        if word:
            yield "", word, "", "", ""
        for inner in steps:
            for _, name, *rest in _rows("", inner, program):
                yield "", f"  {name}", *rest


def sections(program: Program) -> list[tuple[str, list[Step]]]:
    """The steps of a program: all, or those of its two parts."""
    return list(zip(("forward", "backward") if len(program.parts) > 1 else ("",), program.parts))


def called(step: Step) -> str:
    """The name of what a step calls."""
    if isinstance(step, Choice):
        return "if"
    return "bool" if isinstance(step, Guard) else name_of(step.function)


def name_of(function: Callable) -> str:
    """The name of a function of NumPy, e.g. ``"add.reduce"``."""
    name = getattr(function, "__name__", type(function).__name__)
    owner = getattr(function, "__self__", None)
    return f"{owner.__name__}.{name}" if isinstance(owner, np.ufunc) else name


def _shapes(step: Step) -> str:
    reads = " ".join(_shape(o) for o in step.reads)
    return f"{reads} -> {' '.join(_shape(o) for o in step.writes)}" if step.writes else reads


def _shape(operand: Operand) -> str:
    return f"{operand.dtype.char}{list(operand.shape)}".replace(" ", "")


def _memory(step: Step, program: Program) -> str:
    places = [place(operand, program) for operand in step.reads]
    written = " ".join(place(operand, program) for operand in step.writes)
    return f"{' '.join(places)} -> {written}" if step.writes else " ".join(places)


def place(operand: Operand, program: Program) -> str:
    """Where an operand lies."""
    name, offset = program.interface.name_of(operand)
    if name:
        return f"{name}+{offset}" if offset else name
    start = program.start_of(operand.buffer)
    return operand.buffer.kind if start is None else f"@{start + operand.offset}"
