"""Where a capture taps the framework while a function runs: tensors, operations, scratch memory, random
numbers, optimizers and modules.

All of it is undone when the function has run. Other threads go on as always: what they do with a traced array
is ordinary work, and is not noted.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from operator import is_
from typing import Any, TypeVar
from weakref import ref

import numpy as np

from cnn_physics77.compile.capture.attributes import AttributesBefore
from cnn_physics77.compile.capture.trace import EXTERNAL, Trace, ValueRead, current, line_of_user
from cnn_physics77.compile.capture.traced import Traced, noted_whole, plain, traced
from cnn_physics77.compile.capture.tree import is_dense
from cnn_physics77.compile.interrupts import unwind_protect
from cnn_physics77.core.kernels.runtime.parallel import direction
from cnn_physics77.core.kernels.runtime.scratch import arena
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.base.operation import OPERATIONS
from cnn_physics77.core.optim.packed import ElementwiseOptimizer, ParameterPack
from cnn_physics77.core.random import Generator
from cnn_physics77.core.tensor import Tensor

T = TypeVar("T")


@dataclass(eq=False)
class Slot:
    """The numbers of one update of an optimizer, which are computed anew before each replay.

    Attributes:
        varying: settings that are among the numbers, at the end.
        arrays: the memory of the pack.
    """

    optimizer: ElementwiseOptimizer
    pack: ParameterPack
    group: dict[str, Any]
    varying: list[tuple[str, int]]
    numbers: np.ndarray
    first_step: bool
    arrays: list[np.ndarray] = field(default_factory=list)

    def find_arrays(self) -> None:
        """Note where the memory of the pack lies."""
        self.arrays = arrays_of(self.pack)

    def is_current(self) -> bool:
        """Whether the optimizer would use the same memory."""
        pack = self.pack
        return (
            pack.first_step is self.first_step
            and pack.is_current(self.optimizer.state)
            and all(map(is_, arrays_of(pack), self.arrays))
        )

    def settings(self) -> dict[str, Any]:
        """The settings of the group; None for those that vary."""
        return with_numbers(self.group, dict.fromkeys(self.varying)) if self.varying else self.group

    def fill(self) -> None:
        """Compute them."""
        numbers = self.optimizer.next_numbers(self.pack, self.group)
        self.numbers[:] = [*numbers, *(numbers_in(self.group)[key] for key in self.varying)]


def numbers_in(group: dict[str, Any]) -> dict[tuple[str, int], float]:
    """The numbers among the settings of a group, besides the learning rate, by name and place in a tuple."""
    settings = [(k, v) for k, v in group.items() if k not in ("params", "lr", "initial_lr")]
    parts = [(k, n, item) for k, v in settings for n, item in enumerate(v if type(v) is tuple else (v,))]
    return {(name, place): item for name, place, item in parts if type(item) in (int, float)}


def with_numbers(group: dict[str, Any], numbers: dict[tuple[str, int], Any]) -> dict[str, Any]:
    """The group with other numbers for some of its settings."""
    group = dict(group)
    for (name, place), number in numbers.items():
        value = group[name]
        group[name] = (*value[:place], number, *value[place + 1 :]) if type(value) is tuple else number
    return group


@dataclass
class Seen:
    """What took part in a capture.

    Attributes:
        passing: what happened that makes this call unlike others; "" for nothing.
        generators: those that numbers were drawn from.
        restarted: those whose position was set, where each was before, and the line that did it.
        attributes: of modules, as they were when it was known that these take part.
        left: the tensors that were made meanwhile and were alive at the end.
    """

    passing: str = ""
    slots: list[Slot] = field(default_factory=list)
    modules: dict[int, Module] = field(default_factory=dict)
    generators: dict[int, Generator] = field(default_factory=dict)
    restarted: dict[int, tuple[Generator, Any, str]] = field(default_factory=dict)
    attributes: AttributesBefore = field(default_factory=AttributesBefore)
    left: list[ref[Tensor]] = field(default_factory=list)

    def note_module(self, module: Module) -> None:
        """A module takes part."""
        if id(module) not in self.modules:
            self.modules[id(module)] = module
            self.attributes.note(module)

    def parts(self) -> set[Module]:
        """The modules, and all that they consist of."""
        return {part for module in self.modules.values() for part in module.modules()}


def note_modules(seen: Seen, function: Callable, args: tuple) -> None:
    """A function is about to be called: the modules among its arguments, or whose method it is, take part."""
    for module in (getattr(function, "__self__", None), *args):
        if isinstance(module, Module):
            seen.note_module(module)


def tapped(trace: Trace, seen: Seen, holders: list[Any], function: Callable[[], T]) -> T:
    """``function()``; meanwhile the calls of this thread on arrays of tensors are appended to ``trace``, and
    ``seen`` notes what takes part.

    Args:
        holders: all objects that hold arrays.
    """
    taps = [
        *_operations(),
        (Tensor, "__setitem__", _assignment(Tensor.__setitem__)),
        (Tensor, "numpy", _unseen(Tensor.numpy, "it takes a NumPy array of a tensor")),
        (Tensor, "_deep_copy", _unseen(Tensor._deep_copy, "it copies a tensor by deepcopy; clone it")),
        (arena, "frame", _OutermostFrame()),
        (ElementwiseOptimizer, "_next_update", _update(ElementwiseOptimizer._next_update, seen)),
        (ElementwiseOptimizer, "_make_packs", _packs(ElementwiseOptimizer._make_packs, seen)),
        (Generator, "numpy", _drawing(Generator.numpy, seen)),
        (Generator, "manual_seed", _restarting(Generator.manual_seed, seen)),
        (Generator, "go_to", _restarting(Generator.go_to, seen)),
        (Module, "__call__", _calling(Module.__call__, seen)),
        (current, "trace", trace),
    ]
    before = [
        (owner, name, getattr(owner, name), isinstance(owner, type) and name not in vars(owner))
        for owner, name, _ in taps
    ]

    def run() -> T:
        direction.reverse = False  # so that two captures of one function note its loops in one order
        for owner, name, tap in taps:
            setattr(owner, name, tap)
        return function()

    def undo() -> None:
        for owner, name, value, inherited in reversed(before):
            if not inherited:
                setattr(owner, name, value)
            elif name in vars(owner):
                delattr(owner, name)

    return _with_traced_tensors(seen, holders, lambda: unwind_protect(run, undo))


# ------------------------------------------------------------------------------------------------- tensors


def _with_traced_tensors(seen: Seen, holders: list[Any], function: Callable[[], T]) -> T:
    """``function()``; meanwhile all tensors, and what optimizers have packed, hold traced arrays, and then
    none does."""
    before = [(holder, dict(holder.__dict__)) for holder in holders]
    given: dict[int, list[np.ndarray]] = {}

    def run() -> T:
        for holder, _ in before:
            change_arrays(holder, traced)
        for holder, _ in before:
            given[id(holder)] = _arrays_held(holder)
        return function()

    def restore() -> None:
        for holder, attributes in before:
            names = [name for name in _NAMES[type(holder) is ParameterPack] if name in attributes]
            arrays = given.get(id(holder))
            if arrays is None or all(map(is_, _arrays_held(holder), arrays)):  # the very arrays that it had
                holder.__dict__.update({name: attributes[name] for name in names})
        there = {id(holder) for holder, _ in before}
        now = instances(*HOLDERS)
        for holder in now:
            change_arrays(holder, plain)
        seen.left = [ref(t) for t in now if id(t) not in there and is_dense(t)]

    return unwind_protect(run, restore)


_NAMES = ("array",), ("arrays", "values", "gradients", "views")


HOLDERS: tuple[type, ...] = (Tensor, ParameterPack)
"""The classes of objects that hold arrays."""


def instances(*kinds: type) -> list[Any]:
    """All instances of some classes. An instance refers to its class.

    It takes 50 ms and more in a process that has loaded PyTorch, say, and longer for many classes.

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


def _operations() -> Iterator[tuple[Any, str, Callable]]:
    """Each forward names the calls that it makes, and becomes one call where it reads a value."""
    for op in OPERATIONS.values():
        for way in ("forward", "forward_shared"):
            yield op, way, _named(op.name, getattr(op, way))


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
            if name in trace.how.whole:
                raise ValueRead("it decided otherwise before")
            return forward(*traced(arrays), **parameters)  # all: what is done to a plain one is not seen
        except ValueRead as read:
            del trace.steps[begun:]
            return noted_whole(forward, plain(arrays), plain(parameters), str(read))
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


def _assignment(before: Callable) -> Callable:
    """``x[key] = y`` is noted also for an x that was made of nothing, such as ``zeros(3)``."""

    def assign(self, key, value):
        if current.trace is not None:
            self.array = traced(self.array)
        before(self, key, value)

    return assign


def _unseen(before: Callable, what: str) -> Callable:
    """What is done with the array of a tensor, such as a copy, may not be seen."""

    def method(self, *arguments, **options):
        trace = current.trace
        if trace is not None and self.array.size and not trace.is_constant(self.array):
            trace.value_read(what)
        return plain(before(self, *arguments, **options))

    return method


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


# --------------------------------------------------------------------- optimizers, random numbers, modules


def _update(before: Callable, seen: Seen) -> Callable:
    """The numbers of an update are read from an array."""

    def next_update(self, pack, group):
        trace = current.trace
        if trace is None:
            return before(self, pack, group)
        numbers = self.next_numbers(pack, group)
        settings = numbers_in(group)
        varying = [key for key in settings if key in trace.how.varying]
        array = np.array([*numbers, *map(settings.get, varying)], pack.params[0].array.real.dtype)
        seen.slots.append(Slot(self, pack, group, varying, array, pack.first_step))
        trace.add(array, EXTERNAL)
        places = [traced(array)[i] for i in range(len(array))]
        group = with_numbers(group, dict(zip(varying, places[len(numbers) :])))
        return self.update(group, tuple(places[: len(numbers)]), pack.first_step)

    return next_update


def _packs(before: Callable, seen: Seen) -> Callable:
    """What an optimizer does once is not noted."""

    def make_packs(self, *arguments):
        if current.trace is None:
            return before(self, *arguments)
        seen.passing = "an optimizer makes its states anew"
        trace, current.trace = current.trace, None
        try:
            return before(self, *arguments)
        finally:
            current.trace = trace

    return make_packs


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


def _drawing(before: Any, seen: Seen) -> property:
    """The generators that numbers are drawn from, and the draws."""

    def numpy(self):
        numbers = before.fget(self)
        if current.trace is None:
            return numbers
        seen.generators[id(self)] = self
        return _Numbers(self, numbers)

    return property(numpy)


def _restarting(before: Callable, seen: Seen) -> Callable:
    """The generators whose position is set."""

    def restart(self, *arguments, **options):
        if current.trace is not None and id(self) not in seen.restarted:
            made = "_stream" in self.__dict__ or type(self) is not Generator
            seen.restarted[id(self)] = self, self.position() if made else None, line_of_user()
        return before(self, *arguments, **options)

    return restart


def _calling(before: Callable, seen: Seen) -> Callable:
    """The modules that are called."""

    def call(self, *arguments, **options):
        if current.trace is not None:
            seen.note_module(self)
        return before(self, *arguments, **options)

    return call
