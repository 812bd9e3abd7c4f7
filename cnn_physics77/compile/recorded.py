"""A recorded call: made as always, with all that was noted meanwhile, and what speaks against a replay."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn_physics77.compile.seams import (
    Seen,
    arrays_of,
    holders,
    instances,
    note_modules,
    tapped,
    uninterrupted,
)
from cnn_physics77.compile.trace import INPUT, Buffer, Operand, Trace, current, owner_of
from cnn_physics77.compile.tree import flatten, is_dense, others, rebuild
from cnn_physics77.core.autograd import LEAF, Node, Output, edge_to, record
from cnn_physics77.core.operations.base.views import rebase_history
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
            if is_dense(t)
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
        inputs: for each argument that was copied, its position and its copy's buffer.
        outputs: the description of the result, and what each tensor in it is: the position of an argument, a
            tensor that was there before, or a place and whether it had a history.
        grads: leaves whose ``.grad`` is another tensor than before, and its place.
        variables: the positions of arguments that are leaves for which others may be given at a replay, and
            whether each has no gradient.
        aliases: which arguments, and gradients of variables, are the same.
        grads_given: as ``grads``, for the variables, by position.
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
    variables: dict[int, bool] = field(default_factory=dict)
    aliases: tuple[int, ...] = ()
    grads_given: list[tuple[int, Operand | None]] = field(default_factory=list)

    def hidden(self, tensors: list[Tensor]) -> str:
        """What is wrong if one of these, or of the parameters and buffers that take part, was not found; ""
        if all were. The garbage collector does not show what is frozen."""
        known = {id(state.tensor) for state in self.tensors}
        for module in self.seen.modules.values():
            tensors = [*tensors, *module.parameters(), *module.buffers()]
        tensors = [*tensors, *(p for slot in self.seen.slots for p in slot.pack.params)]
        unknown = {id(t) for t in tensors if is_dense(t) and id(t) not in known}
        if unknown & set(map(id, holders())):
            return "it makes a module of its own; make it outside"
        return "it uses tensors that gc.freeze() hides" if unknown else ""


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


@contextmanager
def _in_copies(tensors: list[Tensor], trace: Trace) -> Iterator[dict[int, Buffer]]:
    """Within, these tensors lie in copies of their memory; the buffers of the copies."""
    before = [(t, t.array, t.array.copy(order="K")) for t in dict.fromkeys(tensors)]
    buffers = {id(t): trace.add(copy, INPUT) for t, _, copy in before}

    def restore() -> None:
        for t, array, copy in before:
            if is_written(trace.steps, buffers[id(t)]):
                np.copyto(array, copy)
            if t.array is copy:
                t.array = array

    try:
        for t, _, copy in before:
            t.array = copy
        yield buffers
    finally:
        uninterrupted(restore)


def call_and_record(
    function: Callable, description: Any, given: list[Tensor], variables: Sequence[int] = ()
) -> Recording:
    """Call the function as always, and note what it does.

    Args:
        description, given: the arguments ``(args, kwargs)``, flattened.
        variables: the positions of leaves for which others may be given at a replay: they lie in copies of
            their memory meanwhile. The function has other leaves to itself.
    """
    before = holders()
    tensors, optimizers = TensorBefore.all_of(before), OptimizerBefore.all()
    trace = Trace(array for holder in before for array in arrays_of(holder))
    without = {index: given[index]._grad is None for index in variables}
    given = with_gradients(given, variables)
    alike = aliases(given)
    moved = [t for t in given if any(t is given[i] or t is given[i]._grad for i in variables)]
    own = set(map(id, moved))
    copies = {
        id(t): copy_of(t, (edge_to(t),))
        for t in given
        if id(t) not in own and t.edge is not LEAF and t.array.size
    }
    histories = {key: copy.edge for key, copy in copies.items() if copy.edge is not None}
    buffers = {key: trace.add(owner_of(copy.array), INPUT) for key, copy in copies.items()}
    known = {id(state.tensor) for state in tensors} | {id(copy) for copy in copies.values()}

    with _in_copies(moved, trace) as own_buffers, tapped(trace) as seen:
        args, kwargs = rebuild(description, [copies.get(id(t), t) for t in given])
        note_modules(seen, function, args)
        result = function(*args, **kwargs)
        del args, kwargs
        made = Recording(function, description, trace, seen, tensors=tensors, optimizers=optimizers)
        made.variables, made.aliases = without, alike
        returned: list[Tensor] = []
        made.description = flatten(result, returned)
        grads = [state.tensor for state in tensors if state.tensor._grad is not state.grad]
        placed = [(t, None if t._grad is None else trace.operand(t._grad.array)) for t in grads]
        made.grads = [(t, place) for t, place in placed if id(t) not in own]
        first = {id(t): index for index, t in reversed(list(enumerate(given)))}
        made.grads_given = [(first[id(t)], place) for t, place in placed if id(t) in own]
        buffers |= own_buffers
        positions = {id(copies.get(id(t), t)): index for index, t in enumerate(given) if id(t) in buffers}
        for t in returned:
            if id(t) in positions:
                made.outputs.append(positions[id(t)])
            elif id(t) in known:
                made.outputs.append(t)
            else:
                place = trace.operand(t.array) if t.array.size else np.asarray(t.array)
                made.outputs.append((place, t.edge is not None))

    made.inputs = [(first[key], buffer) for key, buffer in buffers.items()]
    give_changes(made, given, copies, histories, trace.steps)
    made.result = rebuild(
        made.description, [given[positions[id(t)]] if id(t) in positions else t for t in returned]
    )
    made.passing = bool(seen.passing)
    made.problem = seen.passing or trace.problem or made.problem or problem_of(made, returned, known)
    if not made.problem:
        leaves = [leaf for t in returned for leaf in _leaves_of(t.edge)]
        bases = [t._view_of[0] for t in (*returned, *leaves) if t._view_of is not None]
        allowed = known | {id(t) for t in (*returned, *leaves, *bases)}
        kept = kept_tensor(trace, allowed | {id(t._grad) for t in (*grads, *leaves)})
        if kept is not None:
            made.problem = f"it keeps a tensor of shape {tuple(kept.shape)} that it made in this call"
            made.passing = True
    return made


def give_changes(
    made: Recording, given: list[Tensor], copies: dict[int, Tensor], histories: dict[int, Node], steps: list
) -> None:
    """Give the arguments what the function did to their copies."""
    for index, buffer in made.inputs:
        key = id(given[index])
        copy = copies.get(key)
        if copy is None or not is_written(steps, buffer):
            continue
        np.copyto(given[index].array, copy.array)
        if copy.edge is not histories.get(key):
            rebase_history(given[index], copy.edge)
        if copy.edge is not None:
            made.problem = made.problem or "it changes an argument that requires grad in place"


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
    tensors = [t for t in holders() if is_dense(t) and id(t) not in allowed]
    return [t for t in tensors if trace.knows(t.array) and not trace.is_constant(t.array)]
