"""A captured call whose results can be differentiated: the forward is replayed, and the backward pass when it
is asked for.

The results have one node in common. Its derivative copies the gradients of the results into the memory of the
program, runs the backward half, and gives the gradients of the parameters and of the arguments. The program's
memory belongs to the node until the node has been used or dropped; a call meanwhile gets other memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.compile.capture.backward import tangent, without_hooks
from cnn_physics77.compile.capture.environment import Environment
from cnn_physics77.compile.capture.recorded import New, Recording
from cnn_physics77.compile.capture.trace import EXTERNAL, Guard, GuardFailed, Operand, array_at, bounds
from cnn_physics77.compile.capture.tree import flatten, rebuild
from cnn_physics77.compile.interrupts import Busy, unwind_protect
from cnn_physics77.compile.replay.captured import Captured, copied
from cnn_physics77.compile.replay.program import Program
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


class Differentiable(Captured):
    """A program of two parts that does again what a recorded call and its backward pass did."""

    def __init__(self, made: Recording, environment: Environment, lanes: int | None = None) -> None:
        super().__init__(made, environment, lanes)
        assert made.backward is not None
        self._function, self._arguments = made.function, made.arguments
        self._backward = made.backward
        self._backward.values = []
        self._decides = any(isinstance(step, Guard) for step in self.program.parts[1])
        self._set_watched(made)
        self._idle = [self.program]
        self._memories = 1

    def _set_watched(self, made: Recording) -> None:
        """What the backward part reads of the memory of others, of arguments and of results."""
        read = {o for step in self.program.parts[1] for o in step.reads}
        others = [array_at(o) for o in read if o.buffer.kind == EXTERNAL]
        self._watched_tensors = [
            state.tensor
            for state in made.tensors
            if any(np.may_share_memory(state.array, array) for array in others)
        ]
        buffers = {o.buffer for o in read}
        self._watched_inputs = [i for i, place in self._inputs if place.buffer in buffers]
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
            Busy: there is no memory for it; nothing has changed.
        """
        lease = _Lease(self)
        if self._decides:
            lease.given = list(given)
            lease.positions = [(generator, generator.position()) for generator in self._generators]
        self._run(lease.memory, given)
        self._give(lease.memory, given)
        results = self._results(lease.memory, given)
        roots = [t for t, output in zip(results, self.outputs) if type(output) is New and output.history]
        if roots:
            saved = [*self._watched_tensors, *(given[i] for i in self._watched_inputs)]
            lease.watched = [*saved, *(alias(results[i]) for i in self._watched_outputs)]
            edges = tuple(edge_to(given[s] if type(s) is int else s) for s in self._backward.sources)
            node = record(_Compiled(self), edges, (lease,), [(t.shape, t.dtype) for t in roots])
            for index, root in enumerate(roots):
                root.edge = Output(node, index)
        return rebuild(self.description, results)

    def take(self) -> Program:
        """A memory that nobody uses."""
        try:
            return self._idle.pop()
        except IndexError:
            if self._memories >= MOST_MEMORIES:
                raise Busy from None
            self._memories += 1
            return self.program.rebound()

    def give_back(self, memory: Program) -> None:
        """The memory can be used again."""
        self._idle.append(memory)

    # ----------------------------------------------------------------------------------------- backward

    def derive(self, lease: _Lease, node: Node, tangents: list[Tensor | None]) -> list[Tensor | None]:
        """The gradient of each source; None where no gradient came."""
        memory = lease.memory
        kept = memory.arena.copy() if retaining.get() else None
        came = {number for number, one in enumerate(tangents) if one is not None}
        try:
            found: list[Tensor | None] = [
                *self._run_backward(memory, [0 if one is None else one.array for one in tangents])
            ]
        except GuardFailed:
            found = self._derive_eagerly(lease, node, tangents)
        if kept is not None:
            np.copyto(memory.arena, kept)
        return [one if reached & came else None for one, reached in zip(found, self._backward.reached)]

    def _run_backward(self, memory: Program, tangents: list[Any]) -> list[Tensor]:
        """The gradient of each source; of arrays, or numbers, for those of the results."""
        for place, values in zip(self._backward.tangents, tangents):
            if isinstance(place, Operand):
                np.copyto(memory.array(place), values)
        blas.in_one_thread(silently, memory.run, 1)
        return [copied(memory, place) for place in self._backward.gradients]

    def _derive_eagerly(
        self, lease: _Lease, node: Node, tangents: list[Tensor | None]
    ) -> list[Tensor | None]:
        """A value decides otherwise than in the capture: the call again, without its effects."""
        for tensor in (*self.guards.tensors(), *lease.given):
            _check_unchanged(tensor, node)
        if not self.guards.modules_hold():
            raise GradientError(
                "compiled_function: a module was changed between the forward and the backward pass"
            )
        restore = self._snapshot(self._seen)
        versions = [(t, list(t._changes)) for t in self.guards.changed() if t._changes is not None]

        def derive() -> list[Tensor | None]:
            for generator, position in lease.positions:
                generator.go_to(position)
            copies = [_leaf_like(t) for t in lease.given]
            with enable_grad():
                args, kwargs = rebuild(self._arguments, list(copies))
                returned: list[Tensor] = []
                flatten(self._function(*args, **kwargs), returned)
            roots = [t for t, o in zip(returned, self.outputs) if type(o) is New and o.history]
            pairs = [(root, one) for root, one in zip(roots, tangents) if one is not None]
            sources = [copies[s] if isinstance(s, int) else s for s in self._backward.sources]
            roots, given = [root for root, _ in pairs], [one for _, one in pairs]
            return without_hooks(
                (t for t in sources if t.edge is LEAF),
                lambda: list(autograd.grad(roots, sources, given, allow_unused=True)),
            )

        def undo() -> None:
            restore()
            for tensor, version in versions:
                tensor._changes[:] = version  # type: ignore[index]

        return unwind_protect(derive, undo)

    def _rehearse_backward(self) -> list[np.ndarray]:
        places = self._backward.tangents
        tangents = [tangent(number, place.shape, place.dtype) for number, place in enumerate(places)]
        return [one.array for one in self._run_backward(self.program, tangents)]


class _Lease:
    """A memory of a program, which belongs to a node until the node is used up or dropped.

    Attributes:
        watched: tensors whose change in place makes the backward pass wrong.
        given, positions: the arguments and the generators' positions, if values decide in the backward part.
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
