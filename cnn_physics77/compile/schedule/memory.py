"""Memory: temporaries whose lives do not meet share it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_physics77.compile.capture.trace import Buffer, Operand, Step
from cnn_physics77.compile.schedule.loops import Loop

ALIGNMENT = 64  # bytes of a cache line


@dataclass(frozen=True)
class Life:
    """From which step to which a buffer is used.

    ``loop`` and ``lane`` are those that alone use it; None for a buffer that is used elsewhere, too.
    """

    first: int
    last: int
    loop: int | None = None
    lane: int | None = None

    def numbers(self) -> tuple[int, int, int, int]:
        """As a row for :func:`meeting`; -1 stands for None."""
        return (
            self.first,
            self.last,
            -1 if self.loop is None else self.loop,
            -1 if self.lane is None else self.lane,
        )


def meeting(life: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of other buffers are alive at the same time as one: the lanes of a loop run side by side."""
    first, last, loop, lane = life
    met = (others[:, 0] <= last) & (first <= others[:, 1])
    if loop >= 0:
        met |= (others[:, 2] == loop) & (others[:, 3] != lane)
    return met


def lives(items: Iterable[Step | Loop], results: list[Operand]) -> dict[Buffer, Life]:
    """The life of each buffer; results are used after the last step."""
    spans: dict[Buffer, list[tuple[int, int, int | None, int | None]]] = {}
    time = 0

    def use(operands: Iterable[Operand], *span: Any) -> None:
        for operand in operands:
            spans.setdefault(operand.buffer, []).append(span)

    for loop, item in enumerate(items):
        if not isinstance(item, Loop):
            use((*item.reads, *item.writes), time, time, None, None)
            time += 1
            continue
        for lane, steps in enumerate(item.lanes):
            for step in steps:
                use((*step.reads, *step.writes), time, time, loop, lane)
                time += 1
    use(results, time, time, None, None)
    ends = _ends_of_loops(spans)
    return {buffer: _life(of_buffer, ends) for buffer, of_buffer in spans.items()}


def _ends_of_loops(spans: dict[Buffer, list]) -> dict[int, tuple[int, int]]:
    ends: dict[int, tuple[int, int]] = {}
    for of_buffer in spans.values():
        for first, last, loop, _ in of_buffer:
            if loop is not None:
                low, high = ends.get(loop, (first, last))
                ends[loop] = min(low, first), max(high, last)
    return ends


def _life(spans: list[tuple[int, int, int | None, int | None]], ends: dict[int, tuple[int, int]]) -> Life:
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    places = {(loop, lane) for _, _, loop, lane in spans}
    if len(places) == 1:
        return Life(first, last, *places.pop())
    for loop, _ in places:
        if loop is not None:
            first, last = min(first, ends[loop][0]), max(last, ends[loop][1])
    return Life(first, last)


def plan_memory(lives: dict[Buffer, Life]) -> tuple[dict[Buffer, int], int]:
    """An offset for each buffer, and the bytes of all together.

    Greedily: the largest buffer first, each into the smallest gap that is free while it lives (Y. Pisarchyk
    and J. Lee, arXiv 2001.03288, section 5).
    """
    order = sorted(lives, key=lambda buffer: (-buffer.size, lives[buffer].first, lives[buffer].last))
    spans = np.array([lives[buffer].numbers() for buffer in order], np.int64).reshape(-1, 4)
    starts, ends = np.zeros((2, len(order)), np.int64)
    for number, buffer in enumerate(order):
        size = -(-buffer.size // ALIGNMENT) * ALIGNMENT
        met = meeting(spans[number], spans[:number])
        low, high = starts[:number][met], ends[:number][met]
        by_start = np.argsort(low)
        gaps = np.concatenate([[0], np.maximum.accumulate(high[by_start])])
        rooms = low[by_start] - gaps[:-1]
        rooms[rooms < size] = np.iinfo(np.int64).max
        fits = rooms.size and rooms.min() < np.iinfo(np.int64).max
        starts[number] = gaps[np.argmin(rooms)] if fits else gaps[-1]
        ends[number] = starts[number] + size
    return dict(zip(order, starts.tolist())), int(ends.max(initial=0))
