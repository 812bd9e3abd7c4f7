"""A captured call: its program, the guards of it, and what it changes besides memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from sys import getrefcount
from time import perf_counter
from types import MethodType
from typing import Any, TypeVar

import numpy as np

from cnn_physics77.compile.capture.environment import Environment
from cnn_physics77.compile.capture.recorded import (
    Again,
    New,
    Recording,
    aliases,
    is_variable,
    with_gradients,
)
from cnn_physics77.compile.capture.trace import (
    CONSTANT,
    EXTERNAL,
    GuardFailed,
    Operand,
    Step,
    Trace,
    array_at,
    owner_of,
)
from cnn_physics77.compile.capture.tree import flatten, rebuild
from cnn_physics77.compile.interrupts import Busy, unwind_protect
from cnn_physics77.compile.replay.guards import Guards
from cnn_physics77.compile.replay.processes import LanedProgram
from cnn_physics77.compile.replay.program import Program
from cnn_physics77.compile.schedule.loops import steps_in_doubt
from cnn_physics77.compile.text.naming import interface_of
from cnn_physics77.core.autograd import Node, record, sequence
from cnn_physics77.core.backend.fp_errors import silently
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.tensor import Tensor, from_array

T = TypeVar("T")


class _Freed:
    """The operation of a result whose graph was used by a backward pass inside of the captured function."""

    name = "compiled"

    def backward(self, node: Node, gradient: Any, edges: tuple) -> Any:
        raise GradientError(
            "compiled: trying to backward through the graph a second time; the captured function has done it "
            "once"
        )


_FREED = _Freed()


class Captured:
    """A program that does again what a recorded call did, for other values.

    Attributes:
        program: the program.
        guards: what it depends on besides the arguments and the environment.
        proved: whether a replay has been compared with an ordinary call.
        environment: what the function read besides its arguments.
        how: how the call was recorded.
        samples: the arguments of the capture, while a replay has been compared for no others.
        variables: the positions of arguments that are leaves and may be others, and whether each has no
            gradient. A gradient is one more argument.
        kept: the other leaves among the arguments. They are not copied: the program is for them alone.
    """

    def __init__(self, made: Recording, environment: Environment, lanes: int | None = None) -> None:
        made.trace.take_memory()
        self.how, self.environment = made.trace.how, environment
        self.samples, self.kept = made.samples, made.kept
        self.description, self.outputs, self.grads = made.description, made.outputs, made.grads
        self.variables, self._aliases = made.variables, made.aliases
        self.proved = False
        self.trace = made.trace
        self._inputs, self._written_inputs = made.inputs, made.changed_inputs()
        self.program = Program(made, lanes)
        self._generators = list(made.seen.generators.values())
        self.guards = Guards(made, self.program)
        forwards = [MethodType(type(m).forward, m) for m in made.seen.modules.values()]
        environment.add([*forwards, *self.guards.hooks()], made.seen.parts())
        self.gradients = self.guards.gradients
        places = [*(one.place for one in made.new()), *(place for _, place in made.grads)]
        self.results = [place for place in places if isinstance(place, Operand)]
        self._set_memory_of_others()
        self._references: list[tuple[Any, int]] = []
        self.program.interface = interface_of(made, self.guards.tensors())

    def prove(self, given: list[Tensor]) -> None:
        """A replay has been compared for these arguments. What only that needed is given back, unless they
        are equal to those of the capture: then it is compared again when they differ."""
        self.proved = True
        if self.samples and not self._is_sample(given):
            self.samples = []
        if not self.samples:
            self.trace = Trace()

    def is_for(self, given: list[Tensor]) -> bool:
        """Whether the leaves among the arguments are those of the capture, or as they were there."""
        if not all(reference() is given[index] for index, reference in self.kept):
            return False
        return not self.variables or (
            all(
                is_variable(given[index]) and (given[index]._grad is None) is none
                for index, none in self.variables.items()
            )
            and aliases(with_gradients(given, self.variables)) == self._aliases
        )

    def is_proved_for(self, given: list[Tensor]) -> bool:
        """Whether no replay has to be compared for these arguments."""
        return self.proved and (not self.samples or self._is_sample(given))

    def _is_sample(self, given: list[Tensor]) -> bool:
        """Whether the arguments are equal to those of the capture."""
        given = with_gradients(given, self.variables)
        return all(np.array_equal(given[index].array, array) for index, array in self.samples)

    def use_processes(self) -> LanedProgram:
        """Run the program in two processes from now on; tensors that it uses move into shared memory."""
        program = LanedProgram(self.program)
        for slot in self.guards.slots:
            slot.numbers = program.moved(slot.numbers)
        self.guards.follow()
        self.use(program)
        return program

    def use(self, program: Program) -> None:
        """Run this program, of the same steps, from now on."""
        self.program = program
        self._set_memory_of_others()

    def _set_memory_of_others(self) -> None:
        """Note whose memory is used, and changed, and what has to be undone."""
        steps = self.program.parts[0]
        in_doubt = steps_in_doubt(steps)
        self._in_doubt = bool(in_doubt)
        self._undone, self._seen = memory_of_others(in_doubt), memory_of_others(steps)
        self._changed_owners = _owners(o for step in steps for o in step.writes)
        self._used_owners = self._changed_owners | _owners(o for step in steps for o in step.reads)

    def holds(self) -> bool:
        """Whether all that the program depends on is as it was."""
        return self.program.usable() and self.environment.holds() and self.guards.holds()

    def meets(self, given: list[Tensor]) -> bool:
        """Whether a change in place would go wrong, as the program works on copies of the arguments: it
        would be seen through another one, or through a tensor that the program uses, or cannot be made."""
        if not self._changed_owners and not self._written_inputs:
            return False
        given = with_gradients(given, self.variables)
        owners = [id(owner_of(t.array)) for t in given]
        changed, used = self._changed_owners, self._used_owners
        if self.gradients.moved:
            grads = {id(owner_of(grad.array)) for grad in self.gradients.tensors()}
            changed, used = changed | grads, used | grads
        kept = {index for index, _ in self.kept}
        copied = [owner for index, owner in enumerate(owners) if index not in kept] if kept else owners
        if not changed.isdisjoint(copied):
            return True
        return any(
            not given[index].array.flags.writeable or owners[index] in used or overlapping(given, index)
            for index, _ in self._written_inputs
        )

    # ------------------------------------------------------------------------------------------- replay

    def replay(self, given: list[Tensor]) -> Any:
        """What the function returns for these arguments.

        Raises:
            GuardFailed: a value that decides differs; nothing has changed.
            Busy: the process of a lane, or all memory, is in use; nothing has changed.
        """
        if any(getrefcount(thing) > count for thing, count in self._references):
            self.program = self.program.rebound()  # somebody has kept a gradient of the last replay
        given = self._ready(given)
        self._run(self.program, given)
        self.gradients.give()
        self._give(self.program, given)
        for slot in self.guards.slots:
            slot.pack.first_step = False
        for optimizer, count in self.guards.steps:
            optimizer._steps_called += count
        array = self.program.array
        for source, place in self.grads:
            leaf = given[source] if isinstance(source, int) else source
            if place is None:
                leaf._grad = None
                continue
            # a constant may be changed by others, but not for the next replay
            copied = leaf is not source or place.buffer.kind == CONSTANT
            leaf._grad = from_array(array(place).copy(order="K") if copied else array(place))
        result = rebuild(self.description, self._results(self.program, given))
        self._note_references()
        return result

    def _give(self, program: Program, given: list[Tensor]) -> None:
        """Give the arguments what was changed in their copies, and note all changes."""
        number = sequence.change()
        for index, place in self._written_inputs:
            np.copyto(given[index].array, program.array(place))
            given[index].mark_changed(number)
        for tensor in self.guards.changed():
            tensor.mark_changed(number)

    def _results(self, program: Program, given: list[Tensor]) -> list[Tensor]:
        """The tensors that the function returns."""
        results: list[Tensor] = []
        for output in self.outputs:
            if type(output) is New:
                made = copied(program, output.place)
                if output.history:
                    made.edge = record(_FREED, ())
            elif type(output) is Again:
                made = results[output.index].detach() if output.detached else results[output.index]
            else:
                made = given[output] if type(output) is int else output
            results.append(made)
        return results

    def _note_references(self) -> None:
        """Count the references to the gradients that a replay has given, which lie in the program's memory,
        and to this memory. If there are more of them at the next replay, somebody has kept a gradient, and
        the program takes other memory instead of overwriting it."""
        leaves = [leaf for leaf, place in self.grads if place is not None and isinstance(leaf, Tensor)]
        grads: list[Any] = [leaf._grad for leaf in leaves]
        things = [*grads, *(grad.array for grad in grads), self.program.arena]
        self._references = [(thing, 0) for thing in things]
        del grads, things
        counts = [getrefcount(thing) for thing, _ in self._references]  # counted as `replay` counts them
        self._references = [(thing, count) for (thing, _), count in zip(self._references, counts)]

    def _ready(self, given: list[Tensor]) -> list[Tensor]:
        """The arguments and the gradients of variables; the program is bound to the memory that is used."""
        if self.gradients.lie_elsewhere():
            self.use(self.gradients.move(self.program))
            self.gradients.moved, self._references = True, []
        return with_gradients(given, self.variables)

    def _run(self, program: Program, given: list[Tensor], undo: bool = True) -> None:
        """Run the program, and undo what it did to others' memory if a guard fails."""
        for (index, _), copy in zip(self._inputs, program.inputs):
            np.copyto(copy, given[index].array)
        if self.gradients.moved:
            self.gradients.take(self.gradients.tensors())
        restore = self._snapshot(self._undone if undo and self._in_doubt else [])
        try:
            blas.in_one_thread(silently, self._compute, program)
        except (GuardFailed, Busy):
            restore()
            raise

    def _compute(self, program: Program) -> None:
        for slot in self.guards.slots:
            slot.fill()
        program.run()

    def _snapshot(self, arrays: list[np.ndarray]) -> Callable[[], None]:
        """The function that gives some memory, generators and the counts of optimizers what they are now."""
        arrays = [*arrays, *(count for slot in self.guards.slots for count in slot.pack.scalars.values())]
        values = [array.copy() for array in arrays]
        positions = [generator.position() for generator in self._generators]

        def restore() -> None:
            for array, value in zip(arrays, values):
                np.copyto(array, value)
            for generator, position in zip(self._generators, positions):
                generator.go_to(position)

        return restore

    # -------------------------------------------------------------------------------------------- proof

    def _undoing(self, function: Callable[[list[Tensor]], T], given: list[Tensor]) -> T:
        """``function(given)``, which may run the program; then nothing has changed for others."""
        given = self._ready(given)
        return unwind_protect(partial(function, given), self._snapshot(self._seen))

    def rehearse(self, given: list[Tensor]) -> list[np.ndarray]:
        """All that a replay would give and change, without any change: results and gradients, then memory of
        others.

        Raises:
            GuardFailed: as for :meth:`replay`.
        """

        def rehearsed(given: list[Tensor]) -> list[np.ndarray]:
            self._run(self.program, given, undo=False)
            found = [array.copy() for array in (*map(self.program.array, self.results), *self._seen)]
            return self._rehearse_backward() + found

        return self._undoing(rehearsed, given)

    def _rehearse_backward(self) -> list[np.ndarray]:
        """The gradients that a backward pass from the results would give."""
        return []

    def seconds(self, given: list[Tensor]) -> float:
        """The time of a replay, without any change.

        Raises:
            GuardFailed: as for :meth:`replay`.
        """

        def clocked(given: list[Tensor]) -> float:
            start = perf_counter()
            self._run(self.program, given, undo=False)
            return perf_counter() - start

        return self._undoing(clocked, given)

    def values_of(self, made: Recording, given: list[Tensor]) -> list[np.ndarray]:
        """What :meth:`rehearse` gives, from an ordinary call."""
        returned: list[Tensor] = []
        flatten(made.result, returned)
        results = [
            t.array for t, output in zip(returned, self.outputs) if type(output) is New and t.array.size
        ]
        leaves = [
            given[leaf] if isinstance(leaf, int) else leaf for leaf, place in self.grads if place is not None
        ]
        grads: list[Any] = [leaf._grad for leaf in leaves]
        before = {id(state.tensor): state.grad for state in made.tensors}
        self.gradients.take([before[id(one.leaf)] for one in self.gradients.used])
        gradients = made.backward.values if made.backward else []
        return [*gradients, *results, *(grad.array for grad in grads), *self._seen]


def copied(program: Program, place: Operand | np.ndarray) -> Tensor:
    """A tensor of its own, with the values at a place in a program's memory."""
    return from_array((program.array(place) if isinstance(place, Operand) else place).copy(order="K"))


def _owners(operands: Iterable[Operand]) -> set[int]:
    """The owners of the memory of others among operands."""
    return {id(operand.buffer.owner) for operand in operands if operand.buffer.kind == EXTERNAL}


def overlapping(given: list[Tensor], index: int) -> bool:
    """Whether an argument may share memory with another one, and is not the same."""
    one = given[index]
    return any(other is not one and np.may_share_memory(other.array, one.array) for other in given)


def memory_of_others(steps: list[Step]) -> list[np.ndarray]:
    """The memory of others that the steps write."""
    written = dict.fromkeys(o for step in steps for o in step.writes if o.buffer.kind == EXTERNAL)
    return [array_at(operand) for operand in written]
