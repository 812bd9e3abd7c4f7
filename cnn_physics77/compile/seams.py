"""Where a capture taps the framework while a function runs: tensors, operations, scratch memory, random
numbers, optimizers and modules.

All of it is undone when the function has run. Other threads go on as always: what they do with a traced array
is ordinary work, and is not noted.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import prod
from operator import is_
from typing import Any

import numpy as np

from cnn_physics77.compile.capture import Traced, noted_whole, plain, traced
from cnn_physics77.compile.trace import EXTERNAL, Trace, ValueRead, current
from cnn_physics77.compile.tree import is_dense
from cnn_physics77.core.kernels.runtime.parallel import direction
from cnn_physics77.core.kernels.runtime.scratch import arena
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.base.operation import OPERATIONS
from cnn_physics77.core.optim.packed import ElementwiseOptimizer, ParameterPack
from cnn_physics77.core.random import Generator
from cnn_physics77.core.tensor import Tensor


@dataclass(eq=False)
class Slot:
    """The numbers of one update of an optimizer, which are computed anew before each replay."""

    optimizer: ElementwiseOptimizer
    pack: ParameterPack
    group: dict[str, Any]
    numbers: np.ndarray
    first_step: bool

    def fill(self) -> None:
        self.numbers[:] = self.optimizer.next_numbers(self.pack, self.group)


@dataclass
class Seen:
    """What took part in a capture.

    Attributes:
        passing: what happened that makes this call unlike others; "" for nothing.
    """

    passing: str = ""
    slots: list[Slot] = field(default_factory=list)
    modules: dict[int, Module] = field(default_factory=dict)
    generators: dict[int, Generator] = field(default_factory=dict)


def note_modules(seen: Seen, function: Callable, args: tuple) -> None:
    """A function is about to be called: the modules among its arguments, or whose method it is, take part."""
    for module in (getattr(function, "__self__", None), *args):
        if isinstance(module, Module):
            seen.modules[id(module)] = module


@contextmanager
def tapped(trace: Trace) -> Iterator[Seen]:
    """Within, the calls of this thread on arrays of tensors are appended to ``trace``."""
    seen = Seen()
    with ExitStack() as undo:
        undo.enter_context(_traced_tensors())
        for tap in (_operations, _assignments, _numpy_arrays, _scratch, _optimizers, _generators, _modules):
            undo.enter_context(tap(seen))
        before, current.trace = current.trace, trace
        try:
            yield seen
        finally:
            current.trace = before


# ------------------------------------------------------------------------------------------------- tensors


@contextmanager
def _traced_tensors() -> Iterator[None]:
    """All tensors, and what optimizers have packed, hold traced arrays; afterwards none does."""
    before = [(holder, dict(holder.__dict__)) for holder in holders()]
    for holder, _ in before:
        change_arrays(holder, traced)
    given = {id(holder): _arrays_held(holder) for holder, _ in before}
    try:
        yield
    finally:
        for holder, attributes in before:
            if all(map(is_, _arrays_held(holder), given.pop(id(holder)))):  # the very arrays that it had
                for name in _NAMES[type(holder) is ParameterPack]:
                    if name in attributes:
                        setattr(holder, name, attributes[name])
        for holder in holders():
            change_arrays(holder, plain)


_NAMES = ("array",), ("arrays", "values", "gradients", "views")


def holders() -> list[Any]:
    """All objects that hold arrays."""
    return instances(Tensor, ParameterPack)


def instances(*kinds: type) -> list[Any]:
    """All instances of some classes. An instance refers to its class.

    ``gc.get_objects`` would also refer to the tuples that other threads are about to fill, which they cannot
    do then.
    """
    classes = list(kinds)
    for kind in classes:  # grows meanwhile
        classes += kind.__subclasses__()
    return [thing for thing in gc.get_referrers(*classes) if isinstance(thing, kinds)]


def arrays_of(holder: Any) -> list[np.ndarray]:
    """The arrays that others see."""
    if isinstance(holder, Tensor):
        return [holder.array] if is_dense(holder) else []
    return [*holder.arrays, *((holder.values, holder.gradients) if holder.packed else ())]


def _arrays_held(holder: Any) -> list[np.ndarray]:
    """All arrays in the attributes of a holder."""
    if isinstance(holder, Tensor):
        return arrays_of(holder)
    return [*arrays_of(holder), *(holder.views if holder.packed else ())]


def change_arrays(holder: Any, change: Callable[[Any], Any]) -> None:
    for name in _NAMES[type(holder) is ParameterPack]:
        if name in holder.__dict__:
            setattr(holder, name, change(holder.__dict__[name]))


# ---------------------------------------------------------------------------------------------- operations


@contextmanager
def _operations(seen: Seen) -> Iterator[None]:
    """Each forward names the calls that it makes, and becomes one call where it reads a value."""
    before = [(op, op.forward, op.forward_shared) for op in OPERATIONS.values()]
    for op, forward, forward_shared in before:
        op.forward, op.forward_shared = _named(op.name, forward), _named(op.name, forward_shared)
    try:
        yield
    finally:
        for op, forward, forward_shared in before:
            op.forward, op.forward_shared = forward, forward_shared


def _named(name: str, forward: Callable) -> Callable:
    def run(*arrays, **parameters):
        trace = current.trace
        if trace is None:
            return forward(*arrays, **parameters)
        outer, trace.operation = trace.operation, name
        trace.depth += 1
        begun = len(trace.steps)
        try:
            if not any(_varies(trace, value) for value in (*arrays, *parameters.values())):
                return forward(*plain(arrays), **parameters)  # the result is a constant
            if name in current.whole:
                raise ValueRead
            return forward(*traced(arrays), **parameters)  # all: what is done to a plain one is not seen
        except ValueRead:
            del trace.steps[begun:]
            return noted_whole(forward, plain(arrays), plain(parameters))
        finally:
            trace.operation = outer
            trace.depth -= 1

    return run


def _varies(trace: Trace, value: Any) -> bool:
    """Whether this is an array of the trace, a tensor of one, or a tuple with one; not a constant."""
    if type(value) is tuple:
        return any(_varies(trace, item) for item in value)
    array = getattr(value, "array", value)
    if not isinstance(array, np.ndarray) or not array.size:
        return False
    return (type(array) is Traced or trace.knows(array)) and not trace.is_constant(array)


@contextmanager
def _assignments(seen: Seen) -> Iterator[None]:
    """``x[key] = y`` is noted also for an x that was made of nothing, such as ``zeros(3)``."""
    before = Tensor.__setitem__

    def assign(self, key, value):
        if current.trace is not None:
            self.array = traced(self.array)
        before(self, key, value)

    Tensor.__setitem__ = assign  # type: ignore[method-assign]
    try:
        yield
    finally:
        Tensor.__setitem__ = before  # type: ignore[method-assign]


@contextmanager
def _numpy_arrays(seen: Seen) -> Iterator[None]:
    """What is done with an array that NumPy was given of a tensor, such as a copy, may not be seen."""
    before = Tensor.numpy

    def numpy(self, *, force=False):
        trace = current.trace
        if trace is not None and self.array.size and not trace.is_constant(self.array):
            trace.value_read("it takes a NumPy array of a tensor")
        return plain(before(self, force=force))

    Tensor.numpy = numpy  # type: ignore[method-assign]
    try:
        yield
    finally:
        Tensor.numpy = before  # type: ignore[method-assign]


# ------------------------------------------------------------------------------------------ scratch memory


class _TracedFrame:
    """Scratch memory that blocks do not share: the plan of the replay decides what does.

    Inside of a frame all parallel loops run in this thread. The blocks of the outermost ones are numbered.
    """

    def __init__(self, trace: Trace, block: tuple[int, int] | None = None) -> None:
        self.trace, self.block = trace, block
        self.arrays: dict[str, np.ndarray] = {}
        self.loop = 0
        if block is None:
            trace.loops += 1
            self.loop = trace.loops

    def inner(self) -> _TracedFrame:
        return _TracedFrame(self.trace, self.block)

    def begin(self, block: int) -> None:
        if self.loop:
            self.block = self.loop, block
        for memory in self.arrays.values():
            self.trace.forget(memory)
        self.arrays = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        size = prod(shape) * dtype.itemsize
        memory = self.arrays.get(name)
        if memory is None or memory.size < size:
            memory = self.arrays[name] = np.empty(size, np.uint8)
            self.trace.allocated(memory)
        return Traced(shape, dtype, memory)


class _OutermostFrame:
    """The frame outside of all loops. It is entered before the trace is current."""

    block = None
    latest: _TracedFrame | None = None

    def inner(self) -> _TracedFrame:
        assert current.trace is not None
        if self.latest is not None:
            self.latest.begin(0)  # gives the memory of its last block back
        self.latest = _TracedFrame(current.trace)
        return self.latest

    def array(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        array = np.empty(shape, dtype)
        if current.trace is not None:
            current.trace.allocated(array)
        return traced(array)


@contextmanager
def _scratch(seen: Seen) -> Iterator[None]:
    direction.reverse = False  # so that two captures of one function note its loops in one order
    before, arena.frame = arena.frame, _OutermostFrame()  # type: ignore[assignment]
    try:
        yield
    finally:
        arena.frame = before


# --------------------------------------------------------------------- optimizers, random numbers, modules


@contextmanager
def _optimizers(seen: Seen) -> Iterator[None]:
    """The numbers of an update are read from an array."""
    before = ElementwiseOptimizer.next_numbers

    def next_numbers(self, pack, group):
        numbers = before(self, pack, group)
        trace = current.trace
        if trace is None:
            return numbers
        slot = Slot(self, pack, group, np.array(numbers, pack.params[0].array.real.dtype), pack.first_step)
        seen.slots.append(slot)
        trace.add(slot.numbers, EXTERNAL)
        return tuple(traced(slot.numbers)[i] for i in range(len(numbers)))

    make = ElementwiseOptimizer._make_packs

    def make_packs(self, *arguments):
        if current.trace is None:
            return make(self, *arguments)
        seen.passing = "an optimizer makes its states anew"
        trace, current.trace = current.trace, None
        try:
            return make(self, *arguments)
        finally:
            current.trace = trace

    ElementwiseOptimizer.next_numbers = next_numbers  # type: ignore[method-assign]
    ElementwiseOptimizer._make_packs = make_packs  # type: ignore[method-assign]
    try:
        yield
    finally:
        ElementwiseOptimizer.next_numbers = before  # type: ignore[method-assign]
        ElementwiseOptimizer._make_packs = make  # type: ignore[method-assign]


class _Numbers:
    """NumPy's generator of a :class:`Generator`; what it draws is noted."""

    def __init__(self, generator: Generator, numbers: np.random.Generator) -> None:
        self.generator, self.numbers = generator, numbers

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.numbers, name)
        trace = current.trace
        if not callable(method) or trace is None:
            return method

        def draw(*arguments, **options):
            arguments, options = plain(arguments), plain(options)
            drawn = method(*arguments, **options)
            if not isinstance(drawn, np.ndarray):
                trace.value_read(f"a random number was drawn by {name}")
                return drawn
            trace.allocated(drawn)
            trace.note(Draw(self.generator, name), arguments, options, (drawn,), draws=True)
            return traced(drawn)

        return draw


@dataclass(frozen=True)
class Draw:
    """Draws from a generator as it is at the time of the call."""

    generator: Generator
    __name__: str

    def __call__(self, *arguments, **options):
        return getattr(self.generator.numpy, self.__name__)(*arguments, **options)


@contextmanager
def _generators(seen: Seen) -> Iterator[None]:
    before: Any = Generator.numpy

    def numpy(self):
        numbers = before.fget(self)
        if current.trace is None:
            return numbers
        seen.generators[id(self)] = self
        return _Numbers(self, numbers)

    Generator.numpy = property(numpy)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Generator.numpy = before  # type: ignore[method-assign]


@contextmanager
def _modules(seen: Seen) -> Iterator[None]:
    """The modules that are called."""
    before = Module.__call__

    def call(self, *arguments, **options):
        if current.trace is not None:
            seen.modules[id(self)] = self
        return before(self, *arguments, **options)

    Module.__call__ = call  # type: ignore[method-assign]
    try:
        yield
    finally:
        Module.__call__ = before  # type: ignore[method-assign]
