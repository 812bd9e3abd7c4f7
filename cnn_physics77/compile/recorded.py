"""A recorded call: made as always, with all that was noted meanwhile, and what speaks against a replay."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn_physics77.compile.seams import Seen, arrays_of, holders, instances, note_modules, tapped
from cnn_physics77.compile.trace import INPUT, Buffer, Operand, Trace, owner_of
from cnn_physics77.compile.tree import Other, flatten, rebuild
from cnn_physics77.core.autograd import Node, Output
from cnn_physics77.core.optim.optimizer import Optimizer
from cnn_physics77.core.tensor import Tensor, from_array


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
            if isinstance(t, Tensor) and "array" in t.__dict__
        ]


@dataclass(eq=False)
class OptimizerBefore:
    """An optimizer as it was before the call."""

    optimizer: Optimizer
    settings: list[dict[str, Any]]
    steps: int

    @staticmethod
    def all() -> list[OptimizerBefore]:
        """Of all optimizers."""
        return [
            OptimizerBefore(o, settings_of(o), o._steps_called)
            for o in instances(Optimizer)
            if hasattr(o, "_steps_called")
        ]


@dataclass(eq=False)
class Recording:
    """A call that was made as always, and all that was noted meanwhile.

    Attributes:
        function, arguments: what was called, and the description of the arguments.
        result: what the function returned.
        problem: why it cannot be replayed; "" if it can.
        passing: whether that may be otherwise at the next call.
        inputs: for each tensor among the arguments that is a constant, its position and its copy's buffer.
        outputs: the description of the result, and what each tensor in it is: the position of an argument, a
            tensor that was there before, or a place and whether it had a history.
        grads: leaves whose ``.grad`` is another tensor than before, and its place.
    """

    function: Callable
    arguments: Any
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

    def hides(self, tensors: list[Tensor]) -> bool:
        """Whether one of these, or of the parameters and buffers that take part, was not found: the garbage
        collector does not show what is frozen."""
        known = {id(state.tensor) for state in self.tensors}
        for module in self.seen.modules.values():
            tensors = [*tensors, *module.parameters(), *module.buffers()]
        tensors = [*tensors, *(p for slot in self.seen.slots for p in slot.pack.params)]
        return any(id(t) not in known for t in tensors)


def call_and_record(function: Callable, description: Any, given: list[Tensor]) -> Recording:
    """Call the function as always, and note what it does.

    Args:
        description, given: the arguments ``(args, kwargs)``, flattened.
    """
    before = holders()
    tensors, optimizers = TensorBefore.all_of(before), OptimizerBefore.all()
    trace = Trace(array for holder in before for array in arrays_of(holder))
    copies = {id(t): from_array(t.array.copy(order="K")) for t in given if t.edge is None and t.array.size}
    buffers = {key: trace.add(owner_of(copy.array), INPUT) for key, copy in copies.items()}
    known = {id(state.tensor) for state in tensors} | {id(copy) for copy in copies.values()}

    with tapped(trace) as seen:
        args, kwargs = rebuild(description, [copies.get(id(t), t) for t in given])
        note_modules(seen, function, args)
        result = function(*args, **kwargs)
        del args, kwargs
        made = Recording(function, description, trace, seen, tensors=tensors, optimizers=optimizers)
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
    made.problem = seen.passing or trace.problem or problem_of(made, returned, known)
    if not made.problem:
        leaves = [leaf for t in returned for leaf in _leaves_of(t.edge)]
        bases = [t._view_of[0] for t in (*returned, *leaves) if t._view_of is not None]
        allowed = known | {id(t) for t in (*returned, *leaves, *bases)}
        kept = kept_tensor(trace, allowed | {id(t._grad) for t in (*grads, *leaves)})
        if kept is not None:
            made.problem = f"it keeps a tensor of shape {tuple(kept.shape)} that it made in this call"
            made.passing = True
    return made


def settings_of(optimizer: Optimizer) -> list[dict[str, Any]]:
    return [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]


def is_written(steps: list, buffer: Buffer) -> bool:
    return any(operand.buffer is buffer for step in steps for operand in step.writes)


def problem_of(made: Recording, returned: list[Tensor], known: set[int]) -> str:
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
    if any(id(t) not in known and has_graph(t.edge) for t in returned):
        return DIFFERENTIABLE
    if _holds_array(made.description):
        return "it returns a NumPy array; return a tensor"
    if _holds_iterator(made.description):
        return "it returns an iterator, which can be used once; return a list"
    return ""


def _holds_array(description: Any) -> bool:
    if type(description) is Other:
        return isinstance(description.value, (np.ndarray, np.generic))
    return type(description) is tuple and any(map(_holds_array, description[1:]))


def _holds_iterator(description: Any) -> bool:
    if type(description) is Other:
        return hasattr(description.value, "__next__")
    return type(description) is tuple and any(map(_holds_iterator, description[1:]))


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


def _leaves_of(edge: Any) -> list[Tensor]:
    """The leaves that a graph refers to, also one that has been freed."""
    edges, seen = [edge], set()
    for one in edges:  # grows meanwhile
        node = one.node if type(one) is Output else one
        if type(node) is Node and node not in seen:
            seen.add(node)
            edges += node.edges
    return [one for one in edges if isinstance(one, Tensor)]


def kept_tensor(trace: Trace, allowed: set[int]) -> Tensor | None:
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
