"""Dealing: the steps of a program cut into pieces, for lanes in processes of their own.

A step whose results do not depend on one another (an elementwise function, a copy, a matrix product, a
reduction of some axes) is cut in two along one axis of its result, where the halves have the bits of the
whole: BLAS computes the last rows and columns of a product in other ways, which depend on the processor, so
each kind of product is tried. The blocks of the kernels' loops stay whole.

A lane runs its pieces in the order of the program. It waits for another lane only where a piece reads memory
that the other one wrote, or writes memory that the other one uses. Pieces are dealt by a simulation: of all
ways to run a step, that wins after which the lanes are ready the earliest. What the other lane wrote comes
from the cache of its processor, which takes time, so data stays with the lane that made it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from cnn_physics77.compile.analysis.needed import operands_of
from cnn_physics77.compile.capture.trace import EXTERNAL, Buffer, Call, Operand, Step, bounds, overlap
from cnn_physics77.compile.schedule.loops import estimate, may_fail
from cnn_physics77.core.kernels.runtime.blas import blas

LANES = 2
WAIT = 20.0  # microseconds that a lane loses where it waits for another one
FOREIGN_BYTES_PER_MICROSECOND = 2.5e3  # from the cache of the other lane's processor
LEAST = 1.5  # microseconds; a shorter step is not worth cutting
TILE = 16  # rows or columns of a product that BLAS computes at once, at most


@dataclass(eq=False)
class Piece:
    """A step, or a part of one, as a lane runs it.

    Attributes:
        position: the number of the step.
        wait: the position that the other lane must have reached; -1 for none.
    """

    step: Step
    position: int
    lane: int
    wait: int = -1


# ------------------------------------------------------------------------------------------------- cutting


def cuts(step: Step) -> Iterator[tuple[Call, Call]]:
    """All ways to cut a step in two."""
    if not isinstance(step, Call) or step.draws or not isinstance(step.out, Operand):
        return
    if any(isinstance(value, np.ndarray) and value.ndim for value in step.arguments):
        return
    function, out = step.function, step.out
    arrays = [value for value in step.arguments if isinstance(value, Operand)]
    if function in (np.copyto, np.clip) or (
        isinstance(function, np.ufunc) and function.signature is None and not _has_operands(step.options)
    ):
        axes = [(axis, [axis - _missing(out, a) for a in arrays]) for axis in range(len(out.shape))]
        for axis, places in axes:
            yield from _halves(step, axis, places)
    elif function is np.matmul and len(arrays) == 2 == len(step.arguments) and not step.options:
        a, b = arrays
        if len(a.shape) < 2 or len(b.shape) < 2:
            return
        dims = len(out.shape)
        for axis in range(dims):
            if axis == dims - 2:
                places, tile = [len(a.shape) - 2, -1], TILE
            elif axis == dims - 1:
                places, tile = [-1, len(b.shape) - 1], TILE
            else:
                places, tile = [axis - _missing(out, a), axis - _missing(out, b)], 1
            if out.shape[axis] > 3 and (
                tile == 1 or _have_the_bits(_form(a), _form(b), _form(out), axis, *places)
            ):
                yield from _halves(step, axis, places, tile)
    elif _is_reduction(step) and len(arrays) == 1 == len(step.arguments):
        kept = _kept_axes(step, arrays[0])
        for axis, place in enumerate(kept):
            if place is not None:
                yield from _halves(step, axis, [place])


def _missing(out: Operand, array: Operand) -> int:
    """How many axes an operand lacks."""
    return len(out.shape) - len(array.shape)


def _has_operands(options: dict[str, Any]) -> bool:
    return any(isinstance(value, (Operand, tuple, list)) for value in options.values())


def _is_reduction(step: Call) -> bool:
    function = step.function
    return (
        isinstance(getattr(function, "__self__", None), np.ufunc)
        and function.__name__ == "reduce"
        and set(step.options) <= {"axis", "dtype", "keepdims"}
    )


def _kept_axes(step: Call, array: Operand) -> list[int | None]:
    """For each axis of the result of a reduction, that of the input, or None where it is reduced."""
    dims = len(array.shape)
    axis = step.options.get("axis", 0)
    given = range(dims) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    reduced = {a % dims for a in given}
    if step.options.get("keepdims"):
        return [None if a in reduced else a for a in range(dims)]
    return [a for a in range(dims) if a not in reduced]


def _halves(step: Call, axis: int, places: list[int], tile: int = 1) -> Iterator[tuple[Call, Call]]:
    """The step cut in the middle of an axis of its result.

    Nothing for an axis of two or three: an axis of one element is none for NumPy, which then runs along
    another one, where functions can have other code, and sums another order.
    """
    length = step.out.shape[axis]
    if length > 3:
        middle = _middle(length, tile)
        halves = _part(step, axis, places, 0, middle), _part(step, axis, places, middle, length)
        if not _reads_result(*halves):
            yield halves


def _middle(length: int, tile: int) -> int:
    """Where an axis is cut: after whole tiles, where it has that many."""
    return length // 2 // tile * tile or length // 2


def _reads_result(first: Call, second: Call) -> bool:
    """Whether a half reads what the other one has written, as in ``y -= y[0]``: NumPy reads it all before."""
    return any(
        read.buffer is first.out.buffer and read != second.out and overlap(first.out, read)
        for read in second.reads
    )


_Form = tuple[tuple[int, ...], tuple[int, ...], np.dtype]


def _form(operand: Operand) -> _Form:
    return operand.shape, operand.strides, operand.dtype


@lru_cache(maxsize=1024)
def _have_the_bits(a: _Form, b: _Form, out: _Form, axis: int, *places: int) -> bool:
    """Whether the halves of a product have the bits of the whole: tried once, with random numbers."""
    generator = np.random.default_rng(0)
    first, second = (_random(generator, *form) for form in (a, b))
    whole, parts = (np.empty(out[0], out[2]) for _ in range(2))
    middle = _middle(out[0][axis], TILE)
    blas.in_one_thread(np.matmul, first, second, out=whole)
    for start, stop in ((0, middle), (middle, out[0][axis])):
        left, right = _cut(first, places[0], start, stop), _cut(second, places[1], start, stop)
        blas.in_one_thread(np.matmul, left, right, out=_cut(parts, axis, start, stop))
    return parts.tobytes() == whole.tobytes()


def _random(
    generator: np.random.Generator, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype
) -> np.ndarray:
    """Random numbers as an operand of this form has them in memory."""
    steps = [(n - 1) * stride for n, stride in zip(shape, strides)]
    start = -sum(min(step, 0) for step in steps)
    size = start + sum(max(step, 0) for step in steps) + dtype.itemsize
    if dtype.kind in "fc":
        values = generator.random(-(-size // dtype.itemsize) * (1 + (dtype.kind == "c"))) - 0.5
        memory = values.view(complex).astype(dtype) if dtype.kind == "c" else values.astype(dtype)
    else:
        memory = generator.integers(0, 2, -(-size // dtype.itemsize)).astype(dtype)
    return np.ndarray(shape, dtype, memory, start, strides)


def _cut(array: np.ndarray, axis: int, start: int, stop: int) -> np.ndarray:
    """``array[..., start:stop, ...]``; the array itself where it has no such axis."""
    return array if axis < 0 else array[(slice(None),) * axis + (slice(start, stop),)]


def _part(step: Call, axis: int, places: list[int], start: int, stop: int) -> Call:
    """The step for a part of an axis of its result; ``places`` are that axis in each array argument."""
    waiting = iter(places)
    arguments = tuple(
        _sliced(value, next(waiting), start, stop) if isinstance(value, Operand) else value
        for value in step.arguments
    )
    out = _sliced(step.out, axis, start, stop)
    reads = tuple(value for value in arguments if isinstance(value, Operand))
    return replace(step, arguments=arguments, out=out, reads=reads, writes=(out,))


def _sliced(operand: Operand, axis: int, start: int, stop: int) -> Operand:
    """``array[..., start:stop, ...]``; the array itself where it has no axis, or one element along it."""
    if axis < 0 or operand.shape[axis] == 1:
        return operand
    shape = (*operand.shape[:axis], stop - start, *operand.shape[axis + 1 :])
    return replace(operand, offset=operand.offset + start * operand.strides[axis], shape=shape)


# ------------------------------------------------------------------------------------------------- dealing


@dataclass(eq=False)
class _Use:
    """That a piece reads or writes an operand."""

    operand: Operand
    low: int
    high: int
    lane: int
    position: int
    writes: bool


class _Lanes:
    """The simulated lanes: when each is ready, how far each knows the other, and who used which memory."""

    def __init__(self, steps: list[Step]) -> None:
        self.ready = [0.0] * LANES
        self.known = [-1] * LANES
        self.done = [[0.0] * len(steps) for _ in range(LANES)]
        self.uses: dict[Buffer, list[_Use]] = {}

    def latest_use(self, lane: int, step: Step) -> int:
        """The last position at which the other lane wrote what ``step`` uses, or read what it writes."""
        latest = self.known[lane]
        for operands, after_reads in ((step.reads, False), (step.writes, True)):
            for operand in operands:
                low, high = bounds(operand)
                for use in reversed(self.uses.get(operand.buffer, ())):
                    if use.position <= latest:
                        break
                    if use.lane == lane or not (use.writes or after_reads):
                        continue
                    if use.low < high and low < use.high and overlap(use.operand, operand):
                        latest = use.position
                        break
        return latest

    def end(self, lane: int, step: Step) -> float:
        """When the lane would have run the step."""
        start = self.ready[lane]
        latest = self.latest_use(lane, step)
        if latest > self.known[lane]:
            start = max(start, self.done[1 - lane][latest]) + WAIT
        return start + estimate(step) + self.foreign_bytes(lane, step) / FOREIGN_BYTES_PER_MICROSECOND

    def foreign_bytes(self, lane: int, step: Step) -> float:
        """About how many bytes of what a step uses the other lane wrote last."""
        total = 0.0
        for operand in operands_of(step):
            low, high = bounds(operand)
            left, foreign = high - low, 0
            for use in reversed(self.uses.get(operand.buffer, ())):
                part = min(high, use.high) - max(low, use.low)
                if use.writes and part > 0:
                    left -= part
                    foreign += part * (use.lane != lane)
                    if left <= 0:
                        break
            total += foreign / (high - low) * prod(operand.shape) * operand.dtype.itemsize
        return total

    def after(self, option: list[tuple[int, Step]]) -> tuple[float, float]:
        """When both lanes, and when they together, are ready after a way to run a step."""
        ready = list(self.ready)
        for lane, step in option:
            ready[lane] = self.end(lane, step)
        return max(ready), sum(ready)

    def take(self, lane: int, step: Step, position: int) -> None:
        """The lane runs the step."""
        self.ready[lane] = self.end(lane, step)
        self.known[lane] = self.latest_use(lane, step)
        self.done[lane][position:] = [self.ready[lane]] * (len(self.done[lane]) - position)
        for operands, writes in ((step.reads, False), (step.writes, True)):
            for operand in operands:
                uses = self.uses.setdefault(operand.buffer, [])
                uses.append(_Use(operand, *bounds(operand), lane, position, writes))


def deal(steps: list[Step], fixed: set[int]) -> list[Piece]:
    """Cut the steps, and deal the pieces to lanes. The steps at ``fixed`` positions run whole on lane 0."""
    lanes = _Lanes(steps)
    blocks: dict[int, set[int]] = {}
    for step in steps:
        if step.block is not None:
            blocks.setdefault(step.block[0], set()).add(step.block[1])
    pieces: list[Piece] = []
    for position, step in enumerate(steps):
        options: list[list[tuple[int, Step]]] = [[(0, step)]]
        block = step.block
        if position in fixed:
            pass
        elif block is not None and len(blocks[block[0]]) > 1:
            numbers = sorted(blocks[block[0]])
            options = [[(numbers.index(block[1]) * LANES // len(numbers), step)]]
        else:
            options.append([(1, step)])
            if estimate(step) >= LEAST:
                options += [[(0, a), (1, b)] for a, b in cuts(step)]
        for lane, part in min(options, key=lanes.after):
            lanes.take(lane, part, position)
            pieces.append(Piece(part, position, lane))
    return pieces


class _SharedMemory:
    """Which temporaries lie where other ones lay before.

    Args:
        offsets: of the temporaries in their memory.
    """

    def __init__(self, pieces: list[Piece], offsets: dict[Buffer, int]) -> None:
        self.offsets = offsets
        self.first_use: dict[Buffer, int] = {}
        uses = []
        for piece in pieces:
            for operand in operands_of(piece.step):
                start = offsets.get(operand.buffer)
                if start is not None:
                    self.first_use.setdefault(operand.buffer, piece.position)
                    low, high = bounds(operand)
                    uses.append((start + low, start + high, piece.lane, piece.position))
        self.low, self.high, self.lane, self.position = np.array(uses, np.int64).reshape(-1, 4).T

    def latest_use(self, operand: Operand, lane: int) -> int:
        """The last position at which a lane used this memory for a temporary that is dead; -1 for none."""
        start = self.offsets.get(operand.buffer)
        if start is None:
            return -1
        low, high = bounds(operand)
        end = np.searchsorted(self.position, self.first_use[operand.buffer])
        met = (self.low[:end] < start + high) & (self.high[:end] > start + low) & (self.lane[:end] == lane)
        (found,) = np.nonzero(met)
        return int(self.position[found[-1]]) if found.size else -1


def set_waits(pieces: list[Piece], offsets: dict[Buffer, int]) -> None:
    """Let each piece wait for what the other lane does before it in the same memory.

    Args:
        offsets: of the temporaries in the memory that they share.
    """
    memory = _SharedMemory(pieces, offsets)
    lanes = _Lanes([piece.step for piece in pieces])
    decided = [-1] * LANES  # the last step of each lane that may give the run up
    for piece in pieces:
        lane, other = piece.lane, 1 - piece.lane
        position = lanes.latest_use(lane, piece.step)
        for operand in piece.step.writes:
            position = max(position, memory.latest_use(operand, other))
            if operand.buffer.kind == EXTERNAL:  # what others see is written when nothing before can fail
                position = max(position, decided[other])
        piece.wait = position if position > lanes.known[lane] else -1
        if may_fail(piece.step):
            decided[lane] = piece.position
        lanes.take(lane, piece.step, piece.position)
        lanes.known[lane] = max(lanes.known[lane], piece.wait)
