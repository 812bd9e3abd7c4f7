"""Schedule: which steps of a program run side by side.

The blocks of the kernels' parallel loops do not depend on one another, and no block on the number of threads.
A loop that is worth it becomes lanes: each takes neighbouring blocks, and threads of the pool run the lanes.
All other steps run one after another. Whether the lanes are independent is seen from the memory that they
read and write, not taken on trust.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, groupby
from math import prod

import numpy as np

from cnn_physics77.compile.capture.trace import Buffer, Call, Choice, Guard, Operand, Step, overlap
from cnn_physics77.compile.capture.traced import Flattened
from cnn_physics77.core.kernels.runtime.parallel import HAND_OVER_MICROSECONDS

CALL_MICROSECONDS = 0.6
BYTES_PER_MICROSECOND = 2.5e4  # read or written
MULTIPLICATIONS_PER_MICROSECOND = 4e4
STRIDED_NANOSECONDS = 1.0  # more for each element of an array without neighbours along any axis


@dataclass(eq=False)
class Loop:
    """Steps that run in lanes, side by side; those of a lane one after another."""

    lanes: tuple[list[Step], ...]


def schedule(steps: list[Step], lanes: int) -> Iterator[Step | Loop]:
    """The steps in their order, with those of parallel loops together.

    Args:
        lanes: the most that run at once.
    """
    for loop, group in groupby(steps, key=lambda step: step.block and step.block[0]):
        together = list(group)
        if loop is not None and lanes > 1:
            parts = _lanes(together, lanes)
            if len(parts) > 1 and _microseconds(together) >= HAND_OVER_MICROSECONDS and independent(parts):
                yield Loop(tuple(parts))
                continue
        yield from together


def _lanes(steps: list[Step], lanes: int) -> list[list[Step]]:
    """The steps of a loop, parted by neighbouring blocks."""
    numbers = sorted({step.block[1] for step in steps if step.block})
    count = min(lanes, len(numbers))
    lane_of = {number: index * count // len(numbers) for index, number in enumerate(numbers)}
    parts: list[list[Step]] = [[] for _ in range(count)]
    for step in steps:
        assert step.block is not None
        parts[lane_of[step.block[1]]].append(step)
    return parts


def _microseconds(steps: Iterable[Step]) -> float:
    return sum(estimate(step) for step in steps)


def estimate(step: Step) -> float:
    """About how many microseconds a step takes in one thread."""
    if isinstance(step, Choice):
        return CALL_MICROSECONDS + sum(map(estimate, step.first))
    operands = (*step.reads, *step.writes)
    if isinstance(step, Call) and step.function in (np.take, np.ndarray.take):
        operands = step.writes * 2  # it reads no more than it writes
    time = CALL_MICROSECONDS + sum(prod(o.shape) * o.dtype.itemsize for o in operands) / BYTES_PER_MICROSECOND
    if isinstance(step, Call) and step.function is np.matmul and step.writes and step.reads:
        products = prod(step.writes[0].shape) * step.reads[0].shape[-1]
        time += products * step.writes[0].dtype.itemsize / 4 / MULTIPLICATIONS_PER_MICROSECOND
    for operand in operands:
        if operand.shape and operand.dtype.itemsize not in operand.strides:
            time += prod(operand.shape) * STRIDED_NANOSECONDS / 1e3
    return time


def may_fail(step: Step) -> bool:
    """Whether a replay may be given up at a step."""
    if isinstance(step, Choice):
        return any(map(may_fail, (*step.first, *step.other)))
    return isinstance(step, Guard) or isinstance(step.function, Flattened)


def steps_in_doubt(steps: list[Step]) -> list[Step]:
    """The steps that may have run when a replay is given up: those up to the last one that may fail, and the
    rest of its loop, whose lanes run at the same time."""
    last = max((index for index, step in enumerate(steps) if may_fail(step)), default=-1)
    loop = steps[last].block if last >= 0 else None
    while loop is not None and last + 1 < len(steps):
        block = steps[last + 1].block
        if block is None or block[0] != loop[0]:
            break
        last += 1
    return steps[: last + 1]


# -------------------------------------------------------------------------------------------- independence


def independent(lanes: list[list[Step]]) -> bool:
    """Whether no lane writes memory that another one reads or writes."""
    uses: list[dict[Buffer, list[tuple[Operand, bool]]]] = []
    for steps in lanes:
        of_lane: dict[Buffer, dict[tuple[Operand, bool], None]] = {}
        for step in steps:
            for operands, writes in ((step.reads, False), (step.writes, True)):
                for operand in operands:
                    of_lane.setdefault(operand.buffer, {})[operand, writes] = None
        uses.append({buffer: list(operands) for buffer, operands in of_lane.items()})
    return not any(
        (writes or also_writes) and overlap(operand, other)
        for one, another in combinations(uses, 2)
        for buffer in one.keys() & another.keys()
        for operand, writes in one[buffer]
        for other, also_writes in another[buffer]
    )
