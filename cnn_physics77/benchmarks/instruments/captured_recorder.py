"""Clocks inside a captured step of our framework, and its times in the rows of the step as Python runs it.

A captured program is a list of NumPy calls, and each knows the operation that made it. For the time of a
profile the program runs in parts, one for each operation, with a clock between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...compile.function import CompiledFunction
from ...compile.replay.program import Program
from ...compile.schedule.loops import schedule
from ...compile.text.source import in_threads
from .measure import MeasurementError
from .recorder import REMAINDER, Event

Part = tuple[str, float]
"""Name of an operation, "" for none, and seconds."""


def captured_parts(call: Callable[[], Any], step: CompiledFunction, steps: int) -> list[list[Part]]:
    """The parts of each of `steps` replays, in order; the last one is the time between them.

    Args:
        call: replays the step.
        step: captured already, in threads.
    """
    program, found = step.program, []
    pieces, runs = _pieces(program), program.runs
    times: list[float] = []

    def clocked() -> None:
        for _, piece in pieces:
            start = perf_counter()
            piece()
            times.append(perf_counter() - start)

    program.runs = [clocked]
    try:
        for _ in range(steps):
            times.clear()
            start = perf_counter()
            call()
            rest = perf_counter() - start - sum(times)
            if len(times) != len(pieces):
                raise MeasurementError("profile: expected a replay of the captured step, which did not run")
            parts = [(name, seconds) for (name, _), seconds in zip(pieces, times, strict=True)]
            found.append([*parts, (REMAINDER, max(0.0, rest))])
    finally:
        program.runs = runs
    return found


def _pieces(program: Program) -> list[tuple[str, Callable[[], None]]]:
    """The program in parts: the calls of one operation each.

    They hold no reference to its arrays: a step whose gradients somebody else holds is not replayed.
    """

    def array(operand: Any) -> np.ndarray:
        return np.asarray(SimpleNamespace(__array_interface__=program.array(operand).__array_interface__))

    parts = [(name, list(steps)) for name, steps in groupby(program.steps, key=lambda step: step.operation)]
    return [(name, in_threads(schedule(steps, program.lanes)).bound(array)) for name, steps in parts]


def place_captured(calls: Sequence[Event], parts: Sequence[Part]) -> dict[int, float]:
    """The seconds of a captured step for each of the calls of the eager one, by the call's number.

    Both come in the same order. A part belongs to the next call that ran a kernel of its name; nameless ones,
    and what is not found, to the time between operations; but the nameless one at the end is the update.

    >>> calls = [Event("relu", "forward", kernels=["relu"]), Event("relu", "backward", kernels=["mask"]),
    ...          Event("SGD", "update"), Event(REMAINDER, "step")]
    >>> place_captured(calls, [("relu", 1.0), ("", 2.0), ("mask", 3.0), ("", 4.0), (REMAINDER, 5.0)])
    {0: 1.0, 1: 3.0, 2: 4.0, 3: 7.0}
    """
    found = dict.fromkeys(range(len(calls)), 0.0)
    rest = len(calls) - 1
    update = next((number for number, call in enumerate(calls) if call.phase == "update"), rest)
    current, before = -1, ""
    for number, (name, seconds) in enumerate(parts):
        place = rest
        if number == len(parts) - 2 and not name:
            place = update
        elif name and before and current >= 0 and name in calls[current].kernels:
            place = current
        elif name:
            later = range(current + 1, len(calls))
            place = next((index for index in later if name in calls[index].kernels), rest)
            current = place if place != rest else current
        found[place] += seconds
        before = name
    return found
