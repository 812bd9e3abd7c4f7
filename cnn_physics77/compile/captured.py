"""A captured call: its program, what that depends on, and what it changes besides memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import is_
from sys import getrefcount
from typing import Any
from weakref import ref

import numpy as np

from cnn_physics77.compile.capture import Flattened
from cnn_physics77.compile.replay import Program, array_at
from cnn_physics77.compile.seams import Seen, arrays_of, holders, instances, tapped
from cnn_physics77.compile.trace import (
    EXTERNAL,
    INPUT,
    Buffer,
    Call,
    Guard,
    GuardFailed,
    Operand,
    Trace,
    owner_of,
)
from cnn_physics77.compile.tree import Other, flatten, rebuild
from cnn_physics77.core.autograd import LEAF, Node, Output, record
from cnn_physics77.core.backend.dtypes import get_default_dtype
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.layers.parameter import Parameter
from cnn_physics77.core.optim.optimizer import Optimizer
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array


@dataclass(eq=False)
class TensorBefore:
    """A tensor as it was before the call."""

    tensor: Tensor
    array: np.ndarray
    edge: Any
    grad: Tensor | None
    grad_array: np.ndarray | None


@dataclass(eq=False)
class OptimizerBefore:
    """An optimizer as it was before the call."""

    optimizer: Optimizer
    settings: list[dict[str, Any]]
    steps: int


@dataclass(eq=False)
class Recording:
    """A call that was made as always, and all that was noted meanwhile.

    Attributes:
        result: what the function returned.
        problem: why it cannot be replayed; "" if it can.
        passing: whether that may be otherwise at the next call.
        inputs: for each tensor among the arguments that is a constant, its position and its copy's buffer.
        outputs: the description of the result, and what each tensor in it is: the position of an argument, a
            tensor that was there before, or a place and whether it had a history.
        grads: leaves whose ``.grad`` is another tensor than before, and its place.
    """

    trace: Trace
    seen: Seen
    result: Any = None
    problem: str = ""
    passing: bool = False
    tensors: list[TensorBefore] = field(default_factory=list)
    optimizers: list[OptimizerBefore] = field(default_factory=list)
    inputs: list[tuple[int, Buffer]] = field(default_factory=list)
    description: Any = None
    outputs: list[Any] = field(default_factory=list)
    grads: list[tuple[Tensor, Operand | None]] = field(default_factory=list)


def call_and_record(function: Callable, description: Any, given: list[Tensor]) -> Recording:
    """Call the function as always, and note what it does.

    Args:
        description, given: the arguments ``(args, kwargs)``, flattened.
    """
    before = holders()
    tensors = [
        TensorBefore(t, t.array, t.edge, t._grad, None if t._grad is None else t._grad.array)
        for t in before
        if isinstance(t, Tensor) and "array" in t.__dict__
    ]
    optimizers = [
        OptimizerBefore(o, settings_of(o), o._steps_called)
        for o in instances(Optimizer)
        if hasattr(o, "_steps_called")
    ]
    trace = Trace(array for holder in before for array in arrays_of(holder))
    copies = {id(t): from_array(t.array.copy(order="K")) for t in given if t.edge is None and t.array.size}
    buffers = {key: trace.add(owner_of(copy.array), INPUT) for key, copy in copies.items()}
    known = {id(state.tensor) for state in tensors} | {id(copy) for copy in copies.values()}

    with tapped(trace) as seen:
        args, kwargs = rebuild(description, [copies.get(id(t), t) for t in given])
        result = function(*args, **kwargs)
        del args, kwargs
        made = Recording(trace, seen, tensors=tensors, optimizers=optimizers)
        returned: list[Tensor] = []
        made.description = flatten(result, returned)
        grads = [state.tensor for state in tensors if state.tensor._grad is not state.grad]
        made.grads = [(t, None if t._grad is None else trace.operand(t._grad.array)) for t in grads]
        positions = {id(copies[id(t)]): index for index, t in enumerate(given) if id(t) in copies}
        for t in returned:
            if id(t) in positions:
                made.outputs.append(positions[id(t)])
            elif id(t) in known:
                made.outputs.append(t)
            else:
                place = trace.operand(t.array) if t.array.size else np.asarray(t.array)
                made.outputs.append((place, t.edge is not None))

    first = {id(t): index for index, t in reversed(list(enumerate(given)))}
    made.inputs = [(first[key], buffer) for key, buffer in buffers.items()]
    for index, buffer in made.inputs:
        if is_written(trace.steps, buffer):
            np.copyto(given[index].array, copies[id(given[index])].array)
            given[index].mark_changed()
    made.result = rebuild(
        made.description, [given[positions[id(t)]] if id(t) in positions else t for t in returned]
    )
    made.passing = bool(seen.passing)
    made.problem = seen.passing or trace.problem or _problem(made, returned, known)
    if not made.problem:
        leaves = [leaf for t in returned for leaf in _leaves_of(t.edge)]
        bases = [t._view_of[0] for t in (*returned, *leaves) if t._view_of is not None]
        allowed = known | {id(t) for t in (*returned, *leaves, *bases)}
        kept = _kept(trace, allowed | {id(t._grad) for t in (*grads, *leaves)})
        if kept is not None:
            made.problem = f"it keeps a tensor of shape {tuple(kept.shape)} that it made in this call"
            made.passing = True
    return made


def settings_of(optimizer: Optimizer) -> list[dict[str, Any]]:
    return [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]


def is_written(steps: list, buffer: Buffer) -> bool:
    return any(operand.buffer is buffer for step in steps for operand in step.writes)


def _problem(made: Recording, returned: list[Tensor], known: set[int]) -> str:
    for state in made.tensors:
        if state.tensor.__dict__.get("array") is not state.array or state.tensor.edge is not state.edge:
            shape = tuple(state.array.shape)
            return f"it replaces the memory or the history of a tensor of shape {shape}"
    for optimizer in made.optimizers:
        if settings_of(optimizer.optimizer) != optimizer.settings:
            return "it changes the settings of an optimizer; call a scheduler's step outside"
    if any(id(t) not in known and has_graph(t.edge) for t in returned):
        return "it returns a tensor that can still be differentiated; call backward inside"
    if _holds_array(made.description):
        return "it returns a NumPy array; return a tensor"
    return ""


def _holds_array(description: Any) -> bool:
    if type(description) is Other:
        return isinstance(description.value, (np.ndarray, np.generic))
    return type(description) is tuple and any(map(_holds_array, description[1:]))


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


def _leaves_of(edge: Any) -> list[Tensor]:
    """The leaves that a graph refers to, also one that has been freed."""
    edges, seen = [edge], set()
    for one in edges:  # grows meanwhile
        node = one.node if type(one) is Output else one
        if type(node) is Node and node not in seen:
            seen.add(node)
            edges += node.edges
    return [one for one in edges if isinstance(one, Tensor)]


def _kept(trace: Trace, allowed: set[int]) -> Tensor | None:
    """A tensor that the call has left behind."""
    if _in_trace(trace, allowed):
        gc.collect()
    return next(iter(_in_trace(trace, allowed)), None)


def _in_trace(trace: Trace, allowed: set[int]) -> list[Tensor]:
    """The other tensors with values that the trace computes; those of other threads are none."""
    tensors = [t for t in holders() if isinstance(t, Tensor) and "array" in t.__dict__]
    return [
        t for t in tensors if id(t) not in allowed and trace.knows(t.array) and not trace.is_constant(t.array)
    ]


class _Freed:
    """The operation of a result whose graph was used by a backward pass inside of the captured function."""

    name = "compiled"

    def backward(self, node: Node, gradient: Any, edges: tuple) -> Any:
        raise GradientError(
            "compiled: trying to backward through the graph a second time; the captured function has done it "
            "once"
        )


_FREED = _Freed()


# ------------------------------------------------------------------------------------------------ captured


class Captured:
    """A program that does again what a recorded call did, for other values.

    Attributes:
        program: the program.
        proved: whether a replay has been compared with an ordinary call.
    """

    def __init__(self, made: Recording) -> None:
        self.description, self.outputs, self.grads = made.description, made.outputs, made.grads
        self.proved = False
        self.trace = made.trace
        results = [place for place, _ in self._places() if isinstance(place, Operand)]
        results += [place for _, place in self.grads if place is not None]
        self._written_inputs = [
            (index, buffer) for index, buffer in made.inputs if is_written(made.trace.steps, buffer)
        ]
        results += [made.trace.operand(buffer.owner) for _, buffer in self._written_inputs]
        self.program = Program(made.trace, results)
        self._inputs = made.inputs
        self._slots = made.seen.slots
        self._generators = list(made.seen.generators.values())
        self._steps = [(o.optimizer, o.optimizer._steps_called - o.steps) for o in made.optimizers]
        self._steps = [(optimizer, count) for optimizer, count in self._steps if count]
        self._set_guards(made)
        steps = self.program.steps
        last = max((index for index, step in enumerate(steps) if _may_fail(step)), default=-1)
        self._undone = _memory_of_others(steps[: last + 1])
        self._seen = _memory_of_others(steps)
        self._references: list[tuple[Any, int]] = []

    def _places(self) -> list[tuple[Any, bool]]:
        return [output for output in self.outputs if type(output) is tuple]

    # ------------------------------------------------------------------------------------------- guards

    def _set_guards(self, made: Recording) -> None:
        operands = {o for step in self.program.steps for o in (*step.reads, *step.writes)}
        used = {id(o.buffer.owner): o.buffer for o in operands if o.buffer.kind == EXTERNAL}
        written = {o.buffer for step in self.program.steps for o in step.writes}
        # by memory: its tensors, which have been replaced if none is left, and whether each is a constant
        self._tensors: dict[int, list[tuple[ref[Tensor], np.ndarray, bool]]] = {}
        self._changed: list[ref[Tensor]] = []
        self._leaves: list[
            tuple[Tensor, np.ndarray | bool]
        ] = []  # and its gradient's memory, or if it is None
        groups = [group["params"] for optimizer, _ in self._steps for group in optimizer.param_groups]
        with_grads = {id(p) for params in groups for p in params} | {id(leaf) for leaf, _ in self.grads}
        for state in made.tensors:
            buffer = used.get(id(owner_of(state.array)))
            if buffer is not None:
                alike = self._tensors.setdefault(buffer.start, [])
                alike.append((ref(state.tensor), state.array, state.edge is None))
                if buffer in written:
                    self._changed.append(ref(state.tensor))
            is_leaf = state.edge is LEAF or isinstance(state.tensor, Parameter)
            if id(state.tensor) in with_grads or (is_leaf and buffer is not None):
                grad = state.grad_array
                is_used = grad is not None and id(owner_of(grad)) in used
                self._leaves.append((state.tensor, grad if is_used and grad is not None else grad is None))
        self._modules = [(m.__dict__, list(m.__dict__.values())) for m in made.seen.modules.values()]
        self._groups = [(optimizer, _parameters_of(optimizer)) for optimizer, _ in self._steps]
        self._settings = [
            (slot.group, {k: v for k, v in slot.group.items() if k not in ("params", "lr", "initial_lr")})
            for slot in self._slots
        ]
        self._mode = recording(), get_default_dtype()

    def holds(self) -> bool:
        """Whether all that the program depends on is as it was."""
        if self._mode != (recording(), get_default_dtype()):
            return False
        for tensors in self._tensors.values():
            replaced = True
            for reference, array, constant in tensors:
                tensor = reference()
                if tensor is not None:
                    replaced = False
                    if tensor.array is not array or (tensor.edge is None) is not constant:
                        return False
            if replaced:
                return False
        for leaf, memory in self._leaves:
            grad = leaf._grad
            if (
                (grad is None) is not memory
                if type(memory) is bool
                else grad is None or grad.array is not memory
            ):
                return False
        for attributes, values in self._modules:
            if len(attributes) != len(values) or not all(map(is_, attributes.values(), values)):
                return False
        for optimizer, parameters in self._groups:
            found = _parameters_of(optimizer)
            if len(found) != len(parameters) or not all(map(is_, found, parameters)):
                return False
        for group, settings in self._settings:
            for name, value in settings.items():
                if group[name] != value:
                    return False
        return all(
            slot.pack.first_step is slot.first_step and slot.pack.is_current(slot.optimizer.state)
            for slot in self._slots
        )

    # ------------------------------------------------------------------------------------------- replay

    def replay(self, given: list[Tensor]) -> Any:
        """What the function returns for these arguments.

        Raises:
            GuardFailed: a value that decides differs; nothing has changed.
        """
        if any(getrefcount(thing) > count for thing, count in self._references):
            self.program = self.program.rebound()  # somebody has kept a gradient of the last replay
        self._run(given, self._undone)
        for index, buffer in self._written_inputs:
            np.copyto(given[index].array, buffer.owner)
            given[index].mark_changed()
        for reference in self._changed:
            tensor = reference()
            if tensor is not None:
                tensor.mark_changed()
        for slot in self._slots:
            slot.pack.first_step = False
        for optimizer, count in self._steps:
            optimizer._steps_called += count
        array = self.program.array
        for leaf, place in self.grads:
            leaf._grad = None if place is None else from_array(array(place))
        result = rebuild(self.description, [self._output(output, given) for output in self.outputs])
        self._note_references()
        return result

    def _output(self, output: Any, given: list[Tensor]) -> Tensor:
        if type(output) is not tuple:
            return given[output] if type(output) is int else output
        place, had_history = output
        made = from_array(
            (self.program.array(place) if isinstance(place, Operand) else place).copy(order="K")
        )
        if had_history:
            made.edge = record(_FREED, ())
        return made

    def _note_references(self) -> None:
        """How often the gradients, and the memory that they lie in, are referred to."""
        grads = [leaf._grad for leaf, place in self.grads if place is not None]
        things = [*grads, *(grad.array for grad in grads if grad is not None), self.program.arena]
        self._references = [(thing, 0) for thing in things]
        del grads, things
        self._references = [(thing, getrefcount(thing)) for thing, _ in self._references]

    def _run(self, given: list[Tensor], undone: list[np.ndarray]) -> None:
        """Run the program, and undo what it did to ``undone`` if a guard fails."""
        for index, buffer in self._inputs:
            np.copyto(buffer.owner, given[index].array)
        before = self._snapshot(undone) if undone else None
        counts = self._counts()
        try:
            blas.in_one_thread(self._compute)
        except BaseException as error:
            if before is not None and isinstance(error, GuardFailed):
                before()
            self._set_counts(counts)
            raise

    @silent
    def _compute(self) -> None:
        for slot in self._slots:
            slot.fill()
        self.program.run()

    def _counts(self) -> list[np.ndarray | None]:
        return [None if slot.pack.steps is None else slot.pack.steps.copy() for slot in self._slots]

    def _set_counts(self, counts: list[np.ndarray | None]) -> None:
        for slot, count in zip(self._slots, counts):
            if count is not None and slot.pack.steps is not None:
                slot.pack.steps[:] = count

    def _snapshot(self, arrays: list[np.ndarray]) -> Callable[[], None]:
        """The function that gives some memory, and the generators, what they hold now."""
        values = [array.copy() for array in arrays]
        positions = [generator.get_state() for generator in self._generators]

        def restore() -> None:
            for array, value in zip(arrays, values):
                np.copyto(array, value)
            for generator, position in zip(self._generators, positions):
                generator.set_state(position)

        return restore

    # -------------------------------------------------------------------------------------------- proof

    def rehearse(self, given: list[Tensor]) -> list[np.ndarray]:
        """All that a replay would give and change, without any change.

        Raises:
            GuardFailed: as for :meth:`replay`.
        """
        restore, counts = self._snapshot(self._seen), self._counts()
        try:
            self._run(given, [])
            return [array.copy() for array in (*self._results(), *self._seen)]
        finally:
            restore()
            self._set_counts(counts)

    def _results(self) -> list[np.ndarray]:
        places = [place for place, _ in self._places() if isinstance(place, Operand)]
        places += [place for _, place in self.grads if place is not None]
        return [self.program.array(place) for place in places]

    def values_of(self, made: Recording) -> list[np.ndarray]:
        """What :meth:`rehearse` gives, from an ordinary call."""
        returned: list[Tensor] = []
        flatten(made.result, returned)
        results = [
            t.array for t, output in zip(returned, self.outputs) if type(output) is tuple and t.array.size
        ]
        grads = [leaf._grad for leaf, place in self.grads if place is not None]
        results += [grad.array for grad in grads if grad is not None]
        return [*results, *self._seen]


def _parameters_of(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _may_fail(step: Call | Guard) -> bool:
    return isinstance(step, Guard) or isinstance(step.function, Flattened)


def _memory_of_others(steps: list) -> list[np.ndarray]:
    """The memory of others that the steps write."""
    written = dict.fromkeys(o for step in steps for o in step.writes if o.buffer.kind == EXTERNAL)
    return [array_at(operand.buffer, operand) for operand in written]
