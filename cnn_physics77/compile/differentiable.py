"""A captured call whose results can be differentiated: the forward is replayed, and the backward pass when it
is asked for.

The results have one node in common. Its derivative copies the gradients of the results into the memory of the
program, runs the backward half, and gives the gradients of the parameters and of the arguments. The program's
memory belongs to the node until the node has been used or dropped; a call meanwhile gets other memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnn_physics77.compile.captured import Captured, memory_of_others
from cnn_physics77.compile.halves import Halves
from cnn_physics77.compile.joint import (
    Again,
    JointRecording,
    New,
    call_and_record_both,
    tangent,
    without_hooks,
)
from cnn_physics77.compile.naming import Interface, name_of_function, names_of_arguments, names_of_arrays
from cnn_physics77.compile.recorded import is_written
from cnn_physics77.compile.schedule import bounds, steps_in_doubt
from cnn_physics77.compile.trace import EXTERNAL, Guard, GuardFailed, Operand, array_at
from cnn_physics77.compile.tree import flatten, rebuild
from cnn_physics77.core import autograd
from cnn_physics77.core.autograd import LEAF, Node, Output, edge_to, record, retaining, sequence
from cnn_physics77.core.backend.fp_errors import silently
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.operations.base.operation import alias
from cnn_physics77.core.random import Generator
from cnn_physics77.core.random.generator import Position
from cnn_physics77.core.recording import enable_grad, recording
from cnn_physics77.core.tensor import Tensor, from_array

MOST_MEMORIES = 8
"""Of one capture: so many results can wait for their backward pass. Further calls run eagerly."""


class AllLent(Exception):
    """All memories of a capture wait for a backward pass."""


class Differentiable(Captured):
    """Two programs that do again what a recorded call and its backward pass did, for other values."""

    def __init__(self, made: JointRecording, lanes: int | None = None) -> None:
        self.description, self.outputs, self.grads = made.description, made.outputs, []
        self.proved = False
        self.trace = made.trace
        self._function, self._arguments = made.function, made.arguments
        self.sources, self._reached = made.sources, made.reached
        self._tangents, self._gradients = made.tangents, made.gradients
        inputs = [(index, made.trace.operand(buffer.owner)) for index, buffer in made.inputs]
        forward = made.trace.steps[: made.boundary]
        self._written = [(i, place) for i, place in inputs if is_written(forward, place.buffer)]
        self._inputs_at = inputs
        self.program: Halves = Halves(
            made, [place for _, place in inputs], [place for _, place in self._written], lanes
        )
        self._slots = []
        self._generators = list(made.seen.generators.values())
        self._steps: list = []
        self._set_guards(made)
        self._leaves = []
        self.gradients.movable = False
        steps = self.program.forward_steps
        in_doubt = steps_in_doubt(steps)
        self._has_guards = bool(in_doubt)
        self._undone, self._seen = memory_of_others(in_doubt), memory_of_others(steps)
        self._set_owners(steps, [index for index, _ in self._written])
        self._decides = any(isinstance(step, Guard) for step in self.program.backward_steps)
        self._set_watched(made)
        self.program.interface = self._interface(made)
        self._idle = [self.program]
        self._memories = 1

    def _interface(self, made: Any) -> Interface:
        names = names_of_arguments(made.function, made.arguments)
        arrays = names_of_arrays(made.seen, self.tensors())
        owners = {id(array): name for name, array in arrays.items()}
        sources = [
            names[s] if isinstance(s, int) else owners.get(id(s.array), "tensor") for s in self.sources
        ]
        return Interface(
            name_of_function(made.function),
            [(names[index], place) for index, place in self._inputs_at],
            [_place_of(output, self.outputs) for output in self.outputs],
            [place for place in self._tangents if isinstance(place, Operand)],
            [(name, o) for name, o in zip(sources, self._gradients) if isinstance(o, Operand)],
            arrays,
        )

    def _set_watched(self, made: JointRecording) -> None:
        """What the backward half reads of the memory of others, of arguments and of results."""
        read = {o for step in self.program.backward_steps for o in step.reads}
        others = [array_at(o) for o in read if o.buffer.kind == EXTERNAL]
        self._watched_tensors = [
            state.tensor
            for state in made.tensors
            if any(np.may_share_memory(state.array, array) for array in others)
        ]
        buffers = {o.buffer for o in read}
        self._watched_inputs = [i for i, place in self._inputs_at if place.buffer in buffers]
        self._watched_outputs = [
            index
            for index, output in enumerate(self.outputs)
            if type(output) is New
            and isinstance(output.place, Operand)
            and any(_meet(output.place, operand) for operand in read)
        ]

    # ------------------------------------------------------------------------------------------- replay

    def replay(self, given: list[Tensor]) -> Any:
        """What the function returns for these arguments.

        Raises:
            GuardFailed: a value that decides differs; nothing has changed.
            AllLent: there is no memory for it; nothing has changed.
        """
        lease = _Lease(self)
        if self._decides:
            lease.given = list(given)
            lease.positions = [(generator, generator.position()) for generator in self._generators]
        self._forward(lease.memory, given, self._undone)
        array = lease.memory.array
        for index, place in self._written:
            np.copyto(given[index].array, array(place))
            given[index].mark_changed()
        for tensor in self.changed():
            tensor.mark_changed()
        results: list[Tensor] = []
        for output in self.outputs:
            results.append(self._result(output, given, results, array))
        roots = [
            t for t, output in zip(results, self.outputs) if type(output) is New and output.root is not None
        ]
        if roots:
            saved = [*self._watched_tensors, *(given[i] for i in self._watched_inputs)]
            lease.watched = [*saved, *(alias(results[i]) for i in self._watched_outputs)]
            edges = tuple(edge_to(given[s] if type(s) is int else s) for s in self.sources)
            node = record(_Compiled(self), edges, (lease,), [(t.shape, t.dtype) for t in roots])
            for index, root in enumerate(roots):
                root.edge = Output(node, index)
        return rebuild(self.description, results)

    def _result(self, output: Any, given: list[Tensor], before: list[Tensor], array: Callable) -> Tensor:
        if type(output) is New:
            place = output.place
            return from_array((array(place) if isinstance(place, Operand) else place).copy(order="K"))
        if type(output) is Again:
            return before[output.index].detach() if output.detached else before[output.index]
        return given[output] if type(output) is int else output

    def _forward(self, memory: Halves, given: list[Tensor], undone: list[np.ndarray]) -> None:
        """Run the forward half, and undo what it did to ``undone`` if a guard fails."""
        for index, place in self._inputs_at:
            np.copyto(memory.array(place), given[index].array)
        before = self._snapshot(undone) if self._has_guards else None
        try:
            blas.in_one_thread(silently, memory.forward)
        except GuardFailed:
            if before is not None:
                before()
            raise

    def take(self) -> Halves:
        """A memory that nobody uses."""
        try:
            return self._idle.pop()
        except IndexError:
            if self._memories >= MOST_MEMORIES:
                raise AllLent from None
            self._memories += 1
            return self.program.rebound()

    def give_back(self, memory: Halves) -> None:
        """The memory can be used again."""
        self._idle.append(memory)

    # ----------------------------------------------------------------------------------------- backward

    def derive(self, lease: _Lease, node: Node, tangents: list[Tensor | None]) -> list[Tensor | None]:
        """The gradient of each source; None where no gradient came."""
        memory = lease.memory
        kept = memory.arena.copy() if retaining.get() else None
        came = {number for number, one in enumerate(tangents) if one is not None}
        for place, one in zip(self._tangents, tangents):
            if isinstance(place, Operand):
                np.copyto(memory.array(place), 0 if one is None else one.array)
        try:
            blas.in_one_thread(silently, memory.backward)
            found: list[Tensor | None] = [self._gradient(memory, place) for place in self._gradients]
        except GuardFailed:
            found = self._derive_eagerly(lease, node, tangents)
        if kept is not None:
            np.copyto(memory.arena, kept)
        return [one if reached & came else None for one, reached in zip(found, self._reached)]

    def _gradient(self, memory: Halves, place: Operand | np.ndarray) -> Tensor:
        return from_array((memory.array(place) if isinstance(place, Operand) else place).copy(order="K"))

    def _derive_eagerly(
        self, lease: _Lease, node: Node, tangents: list[Tensor | None]
    ) -> list[Tensor | None]:
        """A value decides otherwise than in the capture: the call again, without its effects."""
        for tensor in (*self.tensors(), *lease.given):
            _check_unchanged(tensor, node)
        if not self._modules_hold():
            raise GradientError(
                "compiled_function: a module was changed between the forward and the backward pass"
            )
        restore = self._snapshot(self._seen)
        versions = [(t, list(t._changes)) for t in self.changed() if t._changes is not None]
        try:
            for generator, position in lease.positions:
                generator.go_to(position)
            copies = [_leaf_like(t) for t in lease.given]
            with enable_grad():
                args, kwargs = rebuild(self._arguments, list(copies))
                returned: list[Tensor] = []
                flatten(self._function(*args, **kwargs), returned)
            roots = [t for t, o in zip(returned, self.outputs) if type(o) is New and o.root is not None]
            pairs = [(root, one) for root, one in zip(roots, tangents) if one is not None]
            sources = [copies[s] if isinstance(s, int) else s for s in self.sources]
            with without_hooks(t for t in sources if t.edge is LEAF):
                return list(
                    autograd.grad([r for r, _ in pairs], sources, [g for _, g in pairs], allow_unused=True)
                )
        finally:
            restore()
            for tensor, version in versions:
                tensor._changes[:] = version  # type: ignore[index]

    # -------------------------------------------------------------------------------------------- proof

    def record(self, function: Callable, description: Any, given: list[Tensor]) -> JointRecording:
        """The call as always, recorded as it was for this capture."""
        return call_and_record_both(function, description, given)

    def rehearse(self, given: list[Tensor]) -> list[np.ndarray]:
        """All that a replay and its backward pass would give and change, without any change.

        Raises:
            GuardFailed: as for :meth:`replay`.
        """
        memory, restore = self.program, self._snapshot(self._seen)
        try:
            self._forward(memory, given, [])
            places = [output.place for output in self.outputs if type(output) is New]
            results = [memory.array(place).copy() for place in places if isinstance(place, Operand)]
            seen = [array.copy() for array in self._seen]
            for number, place in enumerate(self._tangents):
                if isinstance(place, Operand):
                    memory.array(place)[...] = tangent(number, place.shape, place.dtype)
            blas.in_one_thread(silently, memory.backward)
            return [*results, *(self._gradient(memory, place).array for place in self._gradients), *seen]
        finally:
            restore()

    def values_of(self, made: Any, given: list[Tensor]) -> list[np.ndarray]:
        """What :meth:`rehearse` gives, from an ordinary call."""
        returned: list[Tensor] = []
        flatten(made.result, returned)
        results = [t.array for t, o in zip(returned, self.outputs) if type(o) is New and t.array.size]
        return [*results, *made.values, *self._seen]


class _Lease:
    """A memory of a program, which belongs to a node until the node is used up or dropped.

    Attributes:
        watched: tensors whose change in place makes the backward pass wrong.
        given, positions: the arguments and the generators' positions, if values decide in the backward half.
    """

    def __init__(self, captured: Differentiable) -> None:
        self._captured = captured
        self.memory = captured.take()
        self.watched: list[Tensor] = []
        self.given: list[Tensor] = []
        self.positions: list[tuple[Generator, Position]] = []

    def __del__(self) -> None:
        if "memory" in self.__dict__:
            self._captured.give_back(self.memory)


class _Compiled:
    """The operation of the results of a replay."""

    name = "compiled_function"
    fresh = True

    def __init__(self, captured: Differentiable) -> None:
        self._captured = captured

    def backward(self, node: Node, gradient: list[Tensor | None], edges: tuple) -> list[Tensor | None]:
        """The gradient of each edge."""
        if recording():
            raise GradientError(
                "compiled_function: torch.compile with aot_autograd does not currently support double "
                "backward; call the function eagerly where create_graph=True is needed"
            )
        if node.saved is None:
            raise GradientError(
                "compiled_function: trying to backward through the graph a second time, but the saved values "
                "were freed the first time; give retain_graph=True there"
            )
        (lease,) = node.saved
        if sequence.last_change > node.sequence:
            for tensor in lease.watched:
                _check_unchanged(tensor, node)
        return self._captured.derive(lease, node, gradient)


def _place_of(output: Any, outputs: list[Any]) -> Operand | np.ndarray | None:
    output = outputs[output.index] if type(output) is Again else output
    return output.place if type(output) is New else None


def _check_unchanged(tensor: Tensor, node: Node) -> None:
    if tensor.changed_since(node.sequence):
        raise GradientError(
            "compiled_function: one of the variables needed for gradient computation has been modified by an "
            f"inplace operation: a tensor of shape {tensor.shape}, at version {tensor._version}; change a "
            "copy instead (.clone())"
        )


def _leaf_like(tensor: Tensor) -> Tensor:
    copy = from_array(tensor.array.copy(order="K"))
    if tensor.edge is not None:
        copy.requires_grad_()
    return copy


def _meet(a: Operand, b: Operand) -> bool:
    """Whether the ranges of bytes of two operands meet."""
    (first, end), (other, other_end) = bounds(a), bounds(b)
    return a.buffer is b.buffer and first < other_end and other < end
