"""A recorded call: made as always, with all that was noted meanwhile, and what speaks against a replay.

Where the results can be differentiated, the backward pass from them is recorded too (:mod:`.backward`), while
the calls are still being noted.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from weakref import ref

import numpy as np

from cnn_physics77.compile.capture.backward import Backward, record_backward
from cnn_physics77.compile.capture.seams import (
    HOLDERS,
    Seen,
    arrays_of,
    instances,
    note_modules,
    tapped,
)
from cnn_physics77.compile.capture.trace import (
    EXTERNAL,
    INPUT,
    Buffer,
    How,
    Operand,
    Trace,
    current,
    overlap,
    owner_of,
)
from cnn_physics77.compile.capture.tree import flatten, is_dense, others, rebuild
from cnn_physics77.compile.interrupts import unwind_protect
from cnn_physics77.core.autograd import LEAF, Node, Output, edge_to, record, sequence
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.base.views import rebase_history
from cnn_physics77.core.optim.optimizer import Optimizer
from cnn_physics77.core.tensor import Tensor, from_array

T = TypeVar("T")


@dataclass(eq=False)
class TensorBefore:
    """A tensor as it was before the call."""

    tensor: Tensor
    array: np.ndarray
    edge: Any
    grad: Tensor | None
    grad_array: np.ndarray | None

    @staticmethod
    def all_of(holders: list[Any]) -> list[TensorBefore]:
        """Of all tensors among the holders of arrays."""
        return [
            TensorBefore(t, t.array, t.edge, t._grad, None if t._grad is None else t._grad.array)
            for t in holders
            if is_dense(t)
        ]


@dataclass(eq=False)
class OptimizerBefore:
    """An optimizer as it was before the call."""

    optimizer: Optimizer
    settings: list[dict[str, Any]]
    steps: int

    @staticmethod
    def all_of(things: list[Any]) -> list[OptimizerBefore]:
        """Of all optimizers among some objects."""
        return [
            OptimizerBefore(o, settings_of(o), o._steps_called)
            for o in things
            if isinstance(o, Optimizer) and hasattr(o, "_steps_called")
        ]


@dataclass(eq=False)
class New:
    """A tensor that the call has made and returns.

    Attributes:
        place: where it lies; an array if it is empty.
        history: whether it has one.
    """

    place: Operand | np.ndarray
    history: bool


@dataclass(eq=False)
class Again:
    """The same as another result; a constant that shares its memory if it is detached."""

    index: int
    detached: bool


@dataclass(eq=False)
class Recording:
    """A call that was made as always, and all that was noted meanwhile.

    Attributes:
        function, arguments: what was called, and the description of the arguments.
        result: what the function returned.
        problem: why it cannot be replayed; "" if it can.
        passing: whether that may be otherwise at the next call.
        inputs: for each argument that was copied, its position and where the copy lies.
        description, outputs: the description of the result, and what each tensor in it is: the position of an
            argument, a tensor that was there before, a :class:`New` or an :class:`Again`.
        grads: leaves whose ``.grad`` is another tensor than before, or the positions of variables, and its
            place; None for no gradient.
        variables: the positions of variables, and whether each has no gradient.
        kept: the positions of other leaves among the arguments, which are not copied.
        samples: what was in the other arguments, by position.
        aliases: which arguments, and gradients of variables, are the same.
        boundary: the number of steps before the backward pass.
        backward: what that pass gives; None where the results cannot be differentiated.
    """

    function: Callable
    arguments: Any
    trace: Trace
    seen: Seen
    tensors: list[TensorBefore]
    optimizers: list[OptimizerBefore]
    variables: dict[int, bool] = field(default_factory=dict)
    kept: list[tuple[int, ref[Tensor]]] = field(default_factory=list)
    samples: list[tuple[int, np.ndarray]] = field(default_factory=list)
    aliases: tuple[int, ...] = ()
    result: Any = None
    problem: str = ""
    passing: bool = False
    inputs: list[tuple[int, Operand]] = field(default_factory=list)
    description: Any = None
    outputs: list[Any] = field(default_factory=list)
    grads: list[tuple[Tensor | int, Operand | None]] = field(default_factory=list)
    boundary: int = 0
    backward: Backward | None = None

    def hidden(self, tensors: list[Tensor]) -> str:
        """What is wrong if one of these, or of the parameters and buffers that take part, was not found; ""
        if all were. The garbage collector does not show what is frozen."""
        known = {id(state.tensor) for state in self.tensors}
        for module in self.seen.modules.values():
            tensors = [*tensors, *module.parameters(), *module.buffers()]
        tensors = [*tensors, *(p for slot in self.seen.slots for p in slot.pack.params)]
        unknown = {id(t) for t in tensors if is_dense(t) and id(t) not in known}
        if unknown and unknown & set(map(id, instances(Tensor))):
            return "it makes a module of its own; make it outside"
        return "it uses tensors that gc.freeze() hides" if unknown else ""

    def changed_inputs(self) -> list[tuple[int, Operand]]:
        """The arguments that the call changes, as in ``inputs``."""
        steps = self.trace.steps[: self.boundary]
        return [(index, place) for index, place in self.inputs if is_written(steps, place.buffer)]

    def new(self) -> list[New]:
        """The tensors that it made and returns."""
        return [output for output in self.outputs if type(output) is New]


class _Argument:
    """The operation of a copied argument that has a history: its gradient goes on to the argument itself."""

    name = "argument"

    def backward(self, node: Node, gradient: Any, edges: tuple) -> tuple:
        """The gradient of the argument."""
        if current.trace is not None:
            current.trace.problem = (
                current.trace.problem or "its backward pass goes on into the history of an argument"
            )
        return (gradient,)


_ARGUMENT = _Argument()


def copy_of(tensor: Tensor, edges: tuple = ()) -> Tensor:
    """A copy that shares the count of changes. Where the tensor requires grad, it has a history of its own,
    which leads to ``edges``."""
    if tensor._changes is None:
        tensor._changes = [0, 0]
    copy = from_array(tensor.array.copy(order="K"))
    copy._changes = tensor._changes
    if tensor.edge is not None:
        copy.edge = record(_ARGUMENT, edges)
    return copy


def is_variable(tensor: Tensor) -> bool:
    """Whether this is a leaf of the user's, and no hook of its own is called in a backward pass."""
    grad = tensor._grad
    return (
        type(tensor) is Tensor
        and tensor.edge is LEAF
        and tensor.array.size > 0
        and not (tensor.hooks or tensor._after_accumulation)
        and (grad is None or grad.edge is None)
    )


def with_gradients(given: list[Tensor], variables: Iterable[int]) -> list[Tensor]:
    """The arguments, and after them the gradients that variables among them have."""
    return [*given, *(grad for index in variables if (grad := given[index]._grad) is not None)]


def aliases(given: list[Tensor]) -> tuple[int, ...]:
    """For each tensor the position at which it is first given."""
    if len(given) < 2:
        return ()
    first: dict[int, int] = {}
    return tuple(first.setdefault(id(t), index) for index, t in enumerate(given))


def _in_copies(tensors: list[Tensor], trace: Trace, function: Callable[[dict[int, Buffer]], T]) -> T:
    """``function(buffers)``, while these tensors lie in copies of their memory, whose buffers it is given."""
    before = [(t, t.array, t.array.copy(order="K")) for t in dict.fromkeys(tensors)]
    buffers = {id(t): trace.add(copy, INPUT) for t, _, copy in before}

    def run() -> T:
        for t, _, copy in before:
            t.array = copy
        return function(buffers)

    def restore() -> None:
        for t, array, copy in before:
            if is_written(trace.steps, buffers[id(t)]):
                np.copyto(array, copy)
            if t.array is copy:
                t.array = array

    return unwind_protect(run, restore)


class _Arguments:
    """The arguments of a recorded call, and what the function gets in their place:

    - for a variable, a leaf in whose place a replay may be given another one: the leaf itself, while it and
      its gradient lie in copies of their memory;
    - for another leaf: the leaf itself, as the program is for it alone;
    - for anything else: a copy, as its memory is another one at each replay.

    Where the results can be differentiated there are no variables, and the function gets copies of all. The
    graph ends at nodes of these copies, whose gradients are those of the arguments.

    Attributes:
        given: the arguments, and after them the gradients of variables; one may be there several times.
        first: for each by its id, its first position in ``given``.
        own: the variables and their gradients, by id.
        copies, buffers: for what is copied, by its id, the copy, and the memory that this lies in.
        histories: for copies that require grad, by the id of what is copied, the node that the graph ends at.
        positions: for what the function gets, by its id, the position of that for which it gets it.
    """

    def __init__(self, given: list[Tensor], trace: Trace) -> None:
        how = self.how = trace.how
        self.own = {id(t) for index in how.variables for t in (given[index], given[index]._grad)}
        self.given = with_gradients(given, how.variables)
        self.copies = {
            id(t): copy_of(t, () if how.differentiable else (edge_to(t),))
            for t in self.given
            if id(t) not in self.own and t.array.size and (how.differentiable or t.edge is not LEAF)
        }
        self.histories = {key: t.edge for key, t in self.copies.items() if t.edge is not None}
        self.buffers = {key: trace.add(owner_of(t.array), INPUT) for key, t in self.copies.items()}
        self.first = {id(t): index for index, t in reversed(list(enumerate(self.given)))}
        self.positions = {
            id(self.copies.get(key, self.given[index])): index for key, index in self.first.items()
        }

    def describe(self, made: Recording) -> None:
        """Note which arguments the recording is for, before the call."""
        made.variables = {index: self.given[index]._grad is None for index in self.how.variables}
        made.aliases = aliases(self.given)
        if not self.how.differentiable:
            leaves = {i for i, t in enumerate(self.given) if t.edge is LEAF and id(t) not in self.own}
            made.kept = [(index, ref(self.given[index])) for index in leaves]
            made.samples = [(i, t.array.copy()) for i, t in enumerate(self.given) if i not in leaves]

    def give_changes(self, made: Recording) -> None:
        """Give the arguments what the function did to their copies."""
        for key, node in self.histories.items() if self.how.differentiable else ():
            node.edges = (edge_to(self.given[self.first[key]]),)
        for index, _ in made.changed_inputs():
            t = self.given[index]
            if (copy := self.copies.get(id(t))) is not None:
                np.copyto(t.array, copy.array)
                if copy.edge is not self.histories.get(id(t)):
                    rebase_history(t, copy.edge)
                if copy.edge is not None:
                    made.problem = made.problem or "it changes an argument that requires grad in place"

    def restored(self, returned: list[Tensor]) -> list[Tensor]:
        """Results, with the arguments themselves for their copies."""
        return [self.given[self.positions[id(t)]] if id(t) in self.positions else t for t in returned]


def call_and_record(
    function: Callable, description: Any, given: list[Tensor], how: How, modules: Iterable[Module] = ()
) -> Recording:
    """Call the function as always, and note what it does.

    Args:
        description, given: the arguments ``(args, kwargs)``, flattened.
        modules: which may take part, as far as is known.
    """
    there = instances(*HOLDERS, Optimizer)
    holders = [thing for thing in there if isinstance(thing, HOLDERS)]
    trace = Trace((array for holder in holders for array in arrays_of(holder)), how)
    before = TensorBefore.all_of(holders), OptimizerBefore.all_of(there)
    made = Recording(function, description, trace, Seen(), *before)
    for module in modules:
        made.seen.attributes.note(module)
    arguments = _Arguments(given, trace)
    arguments.describe(made)
    copies, first, own = arguments.copies, arguments.first, arguments.own
    known = {id(state.tensor) for state in made.tensors} | {id(copy) for copy in copies.values()}
    moved = [t for t in arguments.given if id(t) in own]
    start = sequence.next()

    returned: list[Tensor] = []
    grads: list[Tensor] = []

    def record(own_buffers: dict[int, Buffer]) -> None:
        args, kwargs = rebuild(description, [copies.get(id(t), t) for t in arguments.given])
        note_modules(made.seen, function, args)
        result = function(*args, **kwargs)
        del args, kwargs
        made.boundary = len(trace.steps)
        made.description = flatten(result, returned)
        grads.extend(state.tensor for state in made.tensors if state.tensor._grad is not state.grad)
        for t in grads:
            place = None if t._grad is None else trace.operand(t._grad.array)
            made.grads.append((first[id(t)] if id(t) in own else t, place))
        buffers = {**arguments.buffers, **own_buffers}
        made.inputs = [(first[key], trace.operand(buffer.owner)) for key, buffer in buffers.items()]
        made.problem = trace.problem or _describe(made, returned, arguments.positions, known)
        if how.differentiable and not made.problem:
            roots = [t for t, o in zip(returned, made.outputs) if type(o) is New and o.history]
            nodes = {node: (first[key], copies[key]) for key, node in arguments.histories.items()}
            made.backward, made.problem = record_backward(trace, made.seen, roots, nodes, known, start)

    holders += copies.values()
    _in_copies(moved, trace, lambda buffers: tapped(trace, made.seen, holders, partial(record, buffers)))
    arguments.give_changes(made)
    made.result = rebuild(made.description, arguments.restored(returned))
    made.passing = bool(made.seen.passing)
    made.problem = made.seen.passing or made.problem or trace.problem or problem_of(made)
    graphs = (t.edge for t in returned if id(t) not in known)
    if not made.problem and not how.differentiable and any(map(has_graph, graphs)):
        made.problem = DIFFERENTIABLE
    if not made.problem:
        kept = kept_tensor(made, known | _alive([*returned, *grads]))
        if kept is not None:
            made.problem = f"it keeps a tensor of shape {tuple(kept.shape)} that it made in this call"
            made.passing = True
    return made


def _describe(made: Recording, returned: list[Tensor], positions: dict[int, int], known: set[int]) -> str:
    """Describe the results; what is wrong with them, or ""."""
    differentiable = made.trace.how.differentiable
    if differentiable and (
        made.seen.slots or any(o.optimizer._steps_called != o.steps for o in made.optimizers)
    ):
        return "it calls an optimizer and returns a tensor that can still be differentiated"
    if differentiable and made.grads:
        return "it calls backward and returns a tensor that can still be differentiated"
    first: dict[int, int] = {}
    places: list[tuple[int, Operand]] = []
    for index, t in enumerate(returned):
        if id(t) in positions or id(t) in known:
            made.outputs.append(positions.get(id(t), t))
            continue
        if id(t) in first:
            made.outputs.append(Again(first[id(t)], False))
            continue
        first[id(t)] = index
        place = made.trace.operand(t.array) if t.array.size else np.asarray(t.array)
        if differentiable and isinstance(place, Operand):
            if place.buffer.kind in (INPUT, EXTERNAL):
                return "it returns a view of an argument, or of a tensor that was there before"
            same = [(i, at) for i, at in places if at.buffer is place.buffer]
            alike = [i for i, at in same if at == place and t.edge is None]
            if alike:
                made.outputs.append(Again(alike[0], True))
                continue
            if any(overlap(place, at) for _, at in same):
                return "it returns two tensors that share memory"
            places.append((index, place))
        made.outputs.append(New(place, t.edge is not None))
    return ""


def settings_of(optimizer: Optimizer) -> list[dict[str, Any]]:
    return [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]


def is_written(steps: list, buffer: Buffer) -> bool:
    return any(operand.buffer is buffer for step in steps for operand in step.writes)


def problem_of(made: Recording) -> str:
    """Why the call cannot be replayed; "" if it can."""
    for state in made.tensors:
        if state.tensor.__dict__.get("array") is not state.array or state.tensor.edge is not state.edge:
            shape = tuple(state.array.shape)
            made.passing = True  # another thread may have done it
            return f"it replaces the memory or the history of a tensor of shape {shape}"
    for optimizer in made.optimizers:
        if settings_of(optimizer.optimizer) != optimizer.settings:
            return "it changes the settings of an optimizer; call a scheduler's step outside"
        if optimizer.optimizer._steps_called != optimizer.steps and not optimizer.optimizer.replayable:
            return (
                f"it calls {type(optimizer.optimizer).__name__}, whose steps depend on values that it reads"
            )
    for generator, position, line in made.seen.restarted.values():
        if id(generator) in made.seen.generators or generator.position() != position:
            return f"it sets the seed or the state of a random generator{line}; do so outside"
    for value in others(made.description):
        if isinstance(value, (np.ndarray, np.generic)):
            return "it returns a NumPy array; return a tensor"
        if isinstance(value, Tensor):
            return "it returns a sparse tensor; return its values, or a dense one"
        if hasattr(value, "__next__"):
            return "it returns an iterator, which can be used once; return a list"
    return ""


DIFFERENTIABLE = "it returns a tensor that can still be differentiated"


def has_graph(edge: Any) -> bool:
    """Whether a backward pass from this edge is still possible."""
    nodes, seen = [edge], set()
    found = edge is not None
    while nodes:
        node = nodes.pop()
        node = node.node if type(node) is Output else node
        if type(node) is Node and node not in seen:
            if node.saved is None:
                return False
            seen.add(node)
            nodes += [e for e in node.edges if e is not None]
    return found


def _alive(tensors: list[Tensor]) -> set[int]:
    """The tensors that the graph of these, and what they are views of, keep alive."""
    found: dict[int, Any] = {}
    waiting: list[Any] = list(tensors)
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, (tuple, list)):
            waiting += thing
        elif isinstance(thing, dict):
            waiting += thing.values()
        elif isinstance(thing, Output):
            waiting.append(thing.node)
        elif isinstance(thing, (Tensor, Node)) and id(thing) not in found:
            found[id(thing)] = thing
            if isinstance(thing, Tensor):
                waiting += [thing._view_of, thing._grad, None if thing.edge is LEAF else thing.edge]
            else:
                waiting += [
                    thing.saved,
                    thing.edges,
                    getattr(getattr(thing.op, "ctx", None), "__dict__", None),
                ]
    return set(found)


def kept_tensor(made: Recording, allowed: set[int]) -> Tensor | None:
    """A tensor that the call has left behind."""
    if _in_trace(made, allowed):
        gc.collect()
    return next(iter(_in_trace(made, allowed)), None)


def _in_trace(made: Recording, allowed: set[int]) -> list[Tensor]:
    """The other tensors with values that the trace computes; those of other threads are none."""
    left = [t for one in made.seen.left if (t := one()) is not None and id(t) not in allowed]
    return [t for t in left if made.trace.knows(t.array) and not made.trace.is_constant(t.array)]
