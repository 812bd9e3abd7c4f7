"""A trace: the NumPy calls that a function made, in order, with the memory that each read and wrote.

Views need no calls of their own: an array is described by where it lies in memory (:class:`Operand`), so a
slice, a transposed or a reshaped view of a buffer is just another description of the same bytes.
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar
from weakref import ref

import numpy as np
from numpy.lib.array_utils import byte_bounds

from cnn_physics77.compile.interrupts import unwind_protect
from cnn_physics77.core.kernels.runtime.scratch import arena

T = TypeVar("T")

INPUT, EXTERNAL, CONSTANT, TEMPORARY = "input", "external", "constant", "temporary"
"""Kinds of buffers: a copy of an argument; memory that was there before the call and is seen by others;
memory that Python filled during the capture; memory that the captured calls fill."""


OVERLAP_WORK = 10_000  # steps of the search for a common byte; then there is taken to be one

LIBRARIES = ("cnn_physics77", "numpy", "contextlib", "copy", "pickle")
"""Modules whose code is not the user's."""


class CaptureError(RuntimeError):
    """A function cannot be captured, or its capture does not do what it does."""


class GuardFailed(Exception):
    """The truth of a value, or the shape of a result, differs from what it was in the capture."""


class ValueRead(Exception):
    """An operation read a value into Python."""


class _Life(ref):
    """The life of a temporary. It is told by a function of C, in which Ctrl-C cannot come."""

    buffer: Buffer


@dataclass(eq=False)
class Buffer:
    """A piece of memory.

    Attributes:
        owner: an array of all of it, which keeps it alive; of a temporary, one of nothing.
        start, stop: addresses.
        kind: INPUT, EXTERNAL, CONSTANT or TEMPORARY.
        number: how many the trace had before.
        initial: a copy of a constant, made before the first call that writes into it.
        life: of a temporary during the capture.
    """

    owner: np.ndarray
    start: int
    stop: int
    kind: str
    number: int = 0
    initial: np.ndarray | None = None
    life: _Life | None = None

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stop - self.start

    def __lt__(self, other: Buffer) -> bool:
        return self.start < other.start


@dataclass(frozen=True)
class Operand:
    """An array, as a place in a buffer: its first element lies ``offset`` bytes after the buffer's start."""

    buffer: Buffer
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype


@dataclass(eq=False)
class Call:
    """``function(*arguments, **options)``, with an Operand for each array.

    Attributes:
        out: what receives the result; None where the function returns nothing that is used.
        reads, writes: the memory that it uses.
        operation: the operation of the framework that made the call, e.g. ``"conv2d"``.
        block: the parallel loop that made the call, and the number of the block; None outside of loops.
        draws: it takes random numbers, so that it is needed even if nothing reads them.
    """

    function: Callable
    arguments: tuple
    options: dict[str, Any]
    out: Any
    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]
    operation: str = ""
    block: tuple[int, int] | None = None
    draws: bool = False


@dataclass(eq=False)
class Guard:
    """A value that Python saw: the trace holds as long as ``bool(operand)`` is ``expected``."""

    operand: Operand
    expected: bool
    operation: str = ""
    block: tuple[int, int] | None = None
    writes: tuple[Operand, ...] = ()

    @property
    def reads(self) -> tuple[Operand, ...]:
        return (self.operand,)


@dataclass(eq=False)
class Choice:
    """Steps that run where ``bool(condition)`` is true, and others that run where it is false.

    Attributes:
        reads, writes: the memory that both use.
    """

    condition: Operand
    first: list[Step]
    other: list[Step]
    operation: str = ""
    block: tuple[int, int] | None = None

    @property
    def reads(self) -> tuple[Operand, ...]:
        inside = (operand for step in (*self.first, *self.other) for operand in step.reads)
        return (self.condition, *dict.fromkeys(inside))

    @property
    def writes(self) -> tuple[Operand, ...]:
        return tuple(dict.fromkeys(o for step in (*self.first, *self.other) for o in step.writes))


Step = Call | Guard | Choice


@dataclass(frozen=True)
class How:
    """How a call is recorded.

    Attributes:
        differentiable: whether the backward pass from its results is recorded, too.
        variables: the positions of arguments that are leaves for which others may be given at a replay.
        whole: operations that are one call each, since values that they decide by have changed before.
        varying: settings of optimizers that have changed, and are read anew before each replay, by name and
            place in a tuple.
    """

    differentiable: bool = False
    variables: tuple[int, ...] = ()
    whole: frozenset[str] = frozenset()
    varying: frozenset[tuple[str, int]] = frozenset()


class Trace:
    """What a capture has noted so far.

    Args:
        existing: arrays whose memory others see.
        how: how the call is recorded.

    Attributes:
        steps: calls and guards, in order.
        buffers: by address.
        operation: the name of the operation that runs.
        loops: how many parallel loops have run.
        problem: why the function cannot be captured; None so far.
    """

    def __init__(self, existing: Iterable[np.ndarray] = (), how: How = How()) -> None:
        self.how = how
        self.steps: list[Step] = []
        self.buffers: list[Buffer] = []
        self.operation = ""
        self.depth = 0
        self.loops = 0
        self.problem: str | None = None
        self._count = 0
        self._dead: list[_Life] = []  # of temporaries whose memory has been given back, and may come again
        self._overwritten: list[tuple[np.ndarray, np.ndarray]] | None = None  # and what was there
        self._oldest_new = 0  # number of the first buffer since then
        self._existing = {id(owner): owner for owner in map(owner_of, existing)}

    # ------------------------------------------------------------------------------------------- memory

    def operand(self, array: np.ndarray) -> Operand:
        """The place of an array that has elements."""
        buffer = self._find(array)
        if buffer is None:
            owner = owner_of(array)
            buffer = self.add(owner, EXTERNAL if id(owner) in self._existing else CONSTANT)
        offset = array.__array_interface__["data"][0] - buffer.start
        return Operand(buffer, offset, array.shape, array.strides, array.dtype)

    def is_constant(self, array: np.ndarray) -> bool:
        """Whether the values are none that a captured call makes: reading them decides nothing."""
        owner = owner_of(array)
        if array.size == 0 or (owner.size == 1 and not owner.flags.writeable):  # a number of Python's
            return True
        buffer = self.operand(array).buffer
        if buffer.kind == EXTERNAL:  # such as the numbers that operations keep
            return buffer.owner.flags.owndata and not buffer.owner.flags.writeable
        return buffer.kind == CONSTANT and buffer.initial is None

    def add(self, owner: np.ndarray, kind: str) -> Buffer:
        """A new buffer: all the memory of ``owner``. A temporary does not keep it alive."""
        buffer = Buffer(owner, *byte_bounds(owner), kind, self._count)
        self._count += 1
        self._forget_dead()
        insort(self.buffers, buffer)
        if kind == TEMPORARY:
            buffer.owner, buffer.life = _NOTHING, _Life(owner, self._dead.append)
            buffer.life.buffer = buffer
        return buffer

    def _forget_dead(self) -> None:
        while self._dead:  # appended to in any thread
            buffer = self._dead.pop().buffer
            buffer.life = None
            del self.buffers[bisect_left(self.buffers, buffer)]

    def knows(self, array: np.ndarray) -> bool:
        """Whether an array lies in a buffer."""
        return self._find(array) is not None

    def allocated(self, array: np.ndarray) -> None:
        """The captured calls have allocated ``array``, or the memory that it lies in."""
        if array.size and not self.knows(array):
            self.add(owner_of(array), TEMPORARY)

    def before_write(self, array: np.ndarray) -> None:
        """``array`` is about to be overwritten."""
        if array.size:
            buffer = self.operand(array).buffer
            if buffer.kind == CONSTANT and buffer.initial is None:
                buffer.initial = np.array(buffer.owner, order="K")
            is_new = buffer.kind == TEMPORARY and buffer.number >= self._oldest_new
            if self._overwritten is not None and not is_new:
                self._overwritten.append((array, array.copy()))

    def undoing(self, function: Callable[[], T]) -> T:
        """``function()``, which is noted; then all memory that was there before is what it was."""
        before = self._overwritten, self._oldest_new
        overwritten: list[tuple[np.ndarray, np.ndarray]] = []

        def run() -> T:
            self._overwritten, self._oldest_new = overwritten, self._count
            return function()

        def undo() -> None:
            for array, values in reversed(overwritten):
                array[...] = values
            self._overwritten, self._oldest_new = before

        return unwind_protect(run, undo)

    def _find(self, array: np.ndarray) -> Buffer | None:
        self._forget_dead()
        low, high = byte_bounds(array)
        place = bisect_right(self.buffers, low, key=lambda buffer: buffer.start) - 1
        if place >= 0 and high <= self.buffers[place].stop:
            return self.buffers[place]
        return None

    def take_memory(self) -> None:
        """Let a program use memory of its own for arguments and temporaries, and copies of the constants of
        the recorded call. What that call returned may lie there: a replay does not overwrite it, and is not
        changed with it."""
        self._forget_dead()
        for buffer in self.buffers:
            owner = buffer.owner
            if buffer.kind in (INPUT, TEMPORARY):
                buffer.owner, buffer.life = _NOTHING, None
            elif buffer.kind == CONSTANT and owner.flags.writeable and owner.flags.forc:
                buffer.owner = np.array(owner, order="K")
                buffer.start, buffer.stop = byte_bounds(buffer.owner)
        self.buffers.sort()

    # -------------------------------------------------------------------------------------------- steps

    def note(
        self,
        function: Callable,
        arguments: tuple,
        options: dict[str, Any],
        out: tuple[np.ndarray | None, ...] = (),
        changed: tuple[np.ndarray, ...] = (),
        draws: bool = False,
    ) -> None:
        """Append a call that has been made. It wrote ``out`` without reading it, and changed ``changed``,
        which are among the arguments."""
        places = tuple(self.operand(array) if array is not None and array.size else None for array in out)
        written = (*filter(None, places), *(self.operand(array) for array in changed if array.size))
        if not written and not draws:
            return
        reads: list[Operand] = []
        self.steps.append(
            Call(
                function,
                self._described(arguments, reads),
                {name: self._described(value, reads) for name, value in options.items()},
                places[0] if len(places) == 1 else places or None,
                tuple(reads),
                written,
                self.operation,
                _block(),
                draws,
            )
        )

    def _described(self, value: Any, reads: list[Operand]) -> Any:
        if isinstance(value, np.ndarray):
            if value.size == 0:
                return value
            operand = self.operand(value)
            reads.append(operand)
            return operand
        if type(value) in (tuple, list):
            return type(value)(self._described(item, reads) for item in value)
        return value

    def guard(self, array: np.ndarray, value: bool) -> None:
        """Python has seen the truth of ``array``."""
        self.steps.append(Guard(self.operand(array), value, self.operation, _block()))

    def choice(
        self, condition: np.ndarray, taken: bool, first: Callable[[], None], other: Callable[[], None]
    ) -> None:
        """Note both ways to go on, and go the one that is taken.

        Raises:
            ValueRead: one of them decides by a value again.
        """
        noted = Choice(self.operand(condition), [], [], self.operation, _block())
        steps = self.steps
        try:
            self.steps = noted.other if taken else noted.first
            self.undoing(other if taken else first)
            self.steps = noted.first if taken else noted.other
            (first if taken else other)()
        finally:
            self.steps = steps
        if not all(isinstance(step, Call) and not step.draws for step in (*noted.first, *noted.other)):
            self.value_read("a choice decides by a value, or draws random numbers")
        self.steps.append(noted)

    def value_read(self, what: str) -> None:
        """Python has read a value: the operation that runs becomes one call, or the capture has failed.

        Raises:
            ValueRead: an operation runs.
        """
        if self.depth:
            raise ValueRead(what)
        self.refuse(what)

    def refuse(self, what: str) -> None:
        """The function cannot be captured, as it does this."""
        self.problem = self.problem or f"{what}{line_of_user()}"


_NOTHING = np.empty(0, np.uint8)


def _block() -> tuple[int, int] | None:
    """The parallel loop and the block of it that run in this thread."""
    return getattr(arena.frame, "block", None)


def line_of_user() -> str:
    """Where the code of the user is, as ``, at script.py:12``."""
    frame, _ = frame_of_user()
    return f", at {Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame is not None else ""


def frame_of_user() -> tuple[FrameType | None, int]:
    """The innermost frame of the user's code, None if there is none, and how far above the caller of this
    function it is, counted as the ``stacklevel`` of a warning is."""
    frame: FrameType | None = sys._getframe(1)
    level = 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in LIBRARIES:
        frame, level = frame.f_back, level + 1
    return frame, level


def owner_of(array: np.ndarray) -> np.ndarray:
    """The array at the end of the chain of bases, which owns the memory or views what is no array."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


class _Place:
    """What NumPy makes an array of, which keeps ``owner`` alive."""

    def __init__(self, owner: np.ndarray, interface: dict[str, Any]) -> None:
        self.owner, self.__array_interface__ = owner, interface


def array_at(operand: Operand) -> np.ndarray:
    """The array of an operand in the memory in which it was captured."""
    buffer = operand.buffer
    interface = {
        "version": 3,
        "data": (buffer.start + operand.offset, not buffer.owner.flags.writeable),
        "shape": operand.shape,
        "strides": operand.strides,
        "typestr": operand.dtype.str,
    }
    return np.asarray(_Place(buffer.owner, interface))


def overlap(a: Operand, b: Operand) -> bool:
    """Whether two operands of one buffer have a byte in common; True also where that is hard to tell."""
    low, high = bounds(a)
    other_low, other_high = bounds(b)
    if high <= other_low or other_high <= low:
        return False
    try:
        return bool(np.shares_memory(array_at(a), array_at(b), max_work=OVERLAP_WORK))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def bounds(operand: Operand) -> tuple[int, int]:
    """The first byte of an operand in its buffer, and the one after the last."""
    low = high = operand.offset
    for n, stride in zip(operand.shape, operand.strides):
        if stride < 0:
            low += (n - 1) * stride
        else:
            high += (n - 1) * stride
    return low, high + operand.dtype.itemsize


class _Current(threading.local):
    trace: Trace | None = None


current = _Current()
"""``current.trace``: the trace that this thread writes, or None."""
