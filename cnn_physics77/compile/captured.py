"""A captured call: its program, what that depends on, and what it changes besides memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import is_
from sys import getrefcount
from time import perf_counter
from typing import Any
from weakref import ref

import numpy as np

from cnn_physics77.compile.environment import Environment
from cnn_physics77.compile.gradients import Gradient, Gradients
from cnn_physics77.compile.naming import Interface, name_of_function, names_of_arguments, names_of_arrays
from cnn_physics77.compile.processes import LanedProgram
from cnn_physics77.compile.recorded import (
    Recording,
    aliases,
    call_and_record,
    is_variable,
    is_written,
    with_gradients,
)
from cnn_physics77.compile.replay import Program
from cnn_physics77.compile.schedule import steps_in_doubt
from cnn_physics77.compile.seams import numbers_in
from cnn_physics77.compile.trace import (
    CONSTANT,
    EXTERNAL,
    GuardFailed,
    Operand,
    Trace,
    array_at,
    owner_of,
)
from cnn_physics77.compile.tree import flatten, rebuild
from cnn_physics77.core.autograd import LEAF, Node, record
from cnn_physics77.core.backend.dtypes import get_default_dtype
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.layers.parameter import Parameter
from cnn_physics77.core.optim.optimizer import Optimizer
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array


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
        proved: whether a replay has been compared with an ordinary call.
        environment: what the function read besides its arguments.
        prepared: the operations taken as one call each, and the settings of optimizers taken as varying.
        samples: the arguments of the capture, while a replay has been compared for no others.
        variables: the positions of arguments that are leaves and may be others, and whether each has no
            gradient. A gradient is one more argument.
        kept: the other leaves among the arguments. They are not copied: the program is for them alone.
    """

    environment: Environment
    prepared: tuple[frozenset[str], frozenset[tuple[str, int]]]
    samples: list[tuple[int, np.ndarray]] = []  # noqa: RUF012 (never changed in place)
    kept: list[tuple[int, ref[Tensor]]] = []  # noqa: RUF012 (as well)
    variables: dict[int, bool] = {}  # noqa: RUF012 (as well)
    _leaves: list[tuple[Tensor, bool]]  # and whether it has no gradient
    gradients: Gradients

    def __init__(self, made: Recording, lanes: int | None = None) -> None:
        self.description, self.outputs, self.grads = made.description, made.outputs, made.grads
        self.grads_given, self.variables, self._aliases = made.grads_given, made.variables, made.aliases
        self.proved = False
        self.trace = made.trace
        places = [output[0] for output in self.outputs if type(output) is tuple]
        places += [place for _, place in (*self.grads, *self.grads_given)]
        self._result_places = [place for place in places if isinstance(place, Operand)]
        self._written_inputs = [
            (index, buffer) for index, buffer in made.inputs if is_written(made.trace.steps, buffer)
        ]
        written = [made.trace.operand(buffer.owner) for _, buffer in self._written_inputs]
        self.program = Program(made.trace, self._result_places + written, lanes)
        self._inputs = made.inputs
        self._slots = made.seen.slots
        self._generators = list(made.seen.generators.values())
        self._steps = [(o.optimizer, o.optimizer._steps_called - o.steps) for o in made.optimizers]
        self._steps = [(optimizer, count) for optimizer, count in self._steps if count]
        self._set_guards(made)
        self._set_memory_of_others()
        self._references: list[tuple[Any, int]] = []
        self.program.interface = self._interface(made)

    def _interface(self, made: Recording) -> Interface:
        names = names_of_arguments(made.function, made.arguments)
        names += [f"{names[index]}_grad" for index, none in self.variables.items() if not none]
        arrays = names_of_arrays(made.seen, self.tensors())
        owners = {id(array): name for name, array in arrays.items()}
        grads = [(owners.get(id(leaf.array), "tensor"), place) for leaf, place in self.grads]
        grads += [(names[index], place) for index, place in self.grads_given]
        return Interface(
            name_of_function(made.function),
            [(names[index], made.trace.operand(buffer.owner)) for index, buffer in made.inputs],
            [output[0] if type(output) is tuple else None for output in self.outputs],
            gradients=[(f"{name}.grad", place) for name, place in grads if place is not None],
            arrays=arrays,
        )

    def prove(self, given: list[Tensor]) -> None:
        """A replay has been compared for these arguments. What only that needed is given back, unless they
        are equal to those of the capture: then it is compared again when they differ."""
        self.proved = True
        self.trace.release()
        if self.samples and not self.is_sample(given):
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

    def is_sample(self, given: list[Tensor]) -> bool:
        """Whether the arguments are equal to those of the capture."""
        given = with_gradients(given, self.variables)
        return all(np.array_equal(given[index].array, array) for index, array in self.samples)

    def use_processes(self) -> LanedProgram:
        """Run the program in two processes from now on; tensors that it uses move into shared memory."""
        program = LanedProgram(self.program)
        for alike in self._tensors.values():
            alike[:] = [(r, t.array, constant) for r, _, constant in alike if (t := r()) is not None]
        self.gradients.follow()
        for slot in self._slots:
            slot.numbers = program.moved(slot.numbers)
            slot.find_arrays()
        self.program = program
        self._set_memory_of_others()
        return program

    def use(self, program: Program) -> None:
        """Run this program, of the same steps, from now on."""
        self.program = program
        self._set_memory_of_others()

    def _set_memory_of_others(self) -> None:
        steps = self.program.steps
        self._undone = memory_of_others(steps_in_doubt(steps))
        self._seen = memory_of_others(steps)
        self._set_owners(steps, [index for index, _ in self._written_inputs])

    def _set_owners(self, steps: list, written: list[int]) -> None:
        """Note whose memory is used, and changed, and which arguments are changed."""
        used = {id(o.buffer.owner) for s in steps for o in s.reads if o.buffer.kind == EXTERNAL}
        changed = {id(o.buffer.owner) for s in steps for o in s.writes if o.buffer.kind == EXTERNAL}
        self._used_owners, self._changed_owners, self._written_at = used | changed, changed, written

    # ------------------------------------------------------------------------------------------- guards

    def _set_guards(self, made: Recording) -> None:
        operands = {o for step in self.program.steps for o in (*step.reads, *step.writes)}
        used = {id(o.buffer.owner): o.buffer for o in operands if o.buffer.kind == EXTERNAL}
        written = {o.buffer for step in self.program.steps for o in step.writes}
        # by memory: its tensors, which have been replaced if none is left, and whether each is a constant
        self._tensors: dict[int, list[tuple[ref[Tensor], np.ndarray, bool]]] = {}
        self._changed: list[ref[Tensor]] = []
        self._leaves = []
        gradients: list[Gradient] = []
        groups = [group["params"] for optimizer, _ in self._steps for group in optimizer.param_groups]
        with_grads = {id(p) for params in groups for p in params} | {id(leaf) for leaf, _ in self.grads}
        for state in made.tensors:
            grad = state.grad_array
            place = None if grad is None or id(owner_of(grad)) not in used else made.trace.operand(grad)
            if grad is not None and place is not None:
                gradients.append(Gradient(state.tensor, grad, place, place.buffer in written))
            elif id(state.tensor) in with_grads or (
                (state.edge is LEAF or isinstance(state.tensor, Parameter))
                and id(owner_of(state.array)) in used
            ):
                self._leaves.append((state.tensor, grad is None))
        arrays = {id(one.memory) for one in gradients}
        others = [state for state in made.tensors if id(state.array) not in arrays]
        for state in others:
            buffer = used.get(id(owner_of(state.array)))
            if buffer is not None:
                alike = self._tensors.setdefault(buffer.start, [])
                alike.append((ref(state.tensor), state.array, state.edge is None))
                if buffer in written:
                    self._changed.append(ref(state.tensor))
        self.gradients = Gradients(gradients, operands, [state.array for state in others])
        self._modules = [(m.__dict__, list(m.__dict__.values())) for m in made.seen.modules.values()]
        self._groups = [(optimizer, _parameters_of(optimizer)) for optimizer, _ in self._steps]
        for slot in self._slots:
            slot.find_arrays()
        free = ("params", "lr", "initial_lr")
        self._settings = [
            (slot, {k: v for k, v in slot.settings().items() if k not in free}, numbers_in(slot.group))
            for slot in self._slots
        ]
        leaves = [*(leaf for leaf, _ in self._leaves), *(one.leaf for one in gradients)]
        self._hooked = leaves, [optimizer for optimizer, _ in self._groups]
        self._hooks = self._hooks_now()
        self.mode = recording(), get_default_dtype()

    def holds(self) -> bool:
        """Whether all that the program depends on is as it was."""
        if self.mode != (recording(), get_default_dtype()) or not self.program.usable():
            return False
        if not self.environment.holds():
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
        if not self.gradients.hold():
            return False
        for leaf, none in self._leaves:
            if (leaf._grad is None) is not none:
                return False
        if not self._modules_hold() or self._hooks_now() != self._hooks:
            return False
        for optimizer, parameters in self._groups:
            found = _parameters_of(optimizer)
            if len(found) != len(parameters) or not all(map(is_, found, parameters)):
                return False
        for slot, settings, _ in self._settings:
            group = slot.settings()
            for name, value in settings.items():
                if group[name] != value:
                    return False
        return all(slot.is_current() for slot in self._slots)

    def changed_numbers(self) -> set[tuple[str, int]]:
        """The settings of optimizers that are other numbers now."""
        pairs = [(numbers, numbers_in(slot.group)) for slot, _, numbers in self._settings]
        return {key for before, now in pairs for key, n in before.items() if now.get(key, n) != n}

    def meets(self, given: list[Tensor]) -> bool:
        """Whether a change in place would go wrong, as the program works on copies of the arguments: it
        would be seen through another one, or through a tensor that the program uses, or cannot be made."""
        if not self._changed_owners and not self._written_at:
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
            for index in self._written_at
        )

    def tensors(self) -> list[Tensor]:
        """Those that it uses and that still exist."""
        found = (reference() for alike in self._tensors.values() for reference, _, _ in alike)
        return [*(tensor for tensor in found if tensor is not None), *self.gradients.tensors()]

    def changed(self) -> list[Tensor]:
        """Those whose memory it changes and that still exist."""
        found = [tensor for reference in self._changed if (tensor := reference()) is not None]
        return found + self.gradients.changed()

    def _hooks_now(self) -> list[Any]:
        """The hooks that a backward pass and a step call."""
        leaves, optimizers = self._hooked
        kinds = [hooks for t in leaves for hooks in (t.hooks, t._after_accumulation)]
        kinds += [hooks for o in optimizers for hooks in (o._step_pre_hooks, o._step_post_hooks)]
        return [tuple(hooks.values()) if hooks else () for hooks in kinds]

    def _modules_hold(self) -> bool:
        return all(
            len(attributes) == len(values) and all(map(is_, attributes.values(), values))
            for attributes, values in self._modules
        )

    def guards(self) -> dict[str, int]:
        """How many things of each kind must be as they were."""
        return {
            "tensors lie where they did": len(self._tensors),
            "gradients are there, or not, as before": len(self._leaves) + len(self.gradients.used),
            "modules have the attributes that they had": len(self._modules),
            "groups of an optimizer have the settings that they had": len(self._settings),
        }

    # ------------------------------------------------------------------------------------------- replay

    def replay(self, given: list[Tensor]) -> Any:
        """What the function returns for these arguments.

        Raises:
            GuardFailed: a value that decides differs; nothing has changed.
        """
        if any(getrefcount(thing) > count for thing, count in self._references):
            self.program = self.program.rebound()  # somebody has kept a gradient of the last replay
        given = self._ready(given)
        self._run(given, self._undone)
        self.gradients.give()
        for index, buffer in self._written_inputs:
            np.copyto(given[index].array, buffer.owner)
            given[index].mark_changed()
        for tensor in self.changed():
            tensor.mark_changed()
        for slot in self._slots:
            slot.pack.first_step = False
        for optimizer, count in self._steps:
            optimizer._steps_called += count
        array = self.program.array
        for leaf, place in self.grads:
            if place is None:
                leaf._grad = None
                continue
            constant = place.buffer.kind == CONSTANT  # which others may change, but not for the next replay
            leaf._grad = from_array(array(place).copy(order="K") if constant else array(place))
        for index, place in self.grads_given:
            given[index]._grad = None if place is None else from_array(array(place).copy(order="K"))
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
        grads: list[Any] = [leaf._grad for leaf, place in self.grads if place is not None]
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

    def _run(self, given: list[Tensor], undone: list[np.ndarray]) -> None:
        """Run the program, and undo what it did to ``undone`` if a guard fails."""
        for index, buffer in self._inputs:
            np.copyto(buffer.owner, given[index].array)
        if self.gradients.moved:
            self.gradients.take(self.gradients.tensors())
        before = self._snapshot(undone) if undone or self._generators else None
        counts = self._counts()
        try:
            blas.in_one_thread(self._compute)
        except GuardFailed:
            if before is not None:
                before()
            self._set_counts(counts)
            raise

    @silent
    def _compute(self) -> None:
        for slot in self._slots:
            slot.fill()
        self.program.run()

    def _counts(self) -> list[dict[str, np.ndarray]]:
        return [{name: n.copy() for name, n in slot.pack.scalars.items()} for slot in self._slots]

    def _set_counts(self, counts: list[dict[str, np.ndarray]]) -> None:
        for slot, numbers in zip(self._slots, counts):
            for name, values in numbers.items():
                np.copyto(slot.pack.scalars[name], values)

    def _snapshot(self, arrays: list[np.ndarray]) -> Callable[[], None]:
        """The function that gives some memory, and the generators, what they hold now."""
        values = [array.copy() for array in arrays]
        positions = [generator.position() for generator in self._generators]

        def restore() -> None:
            for array, value in zip(arrays, values):
                np.copyto(array, value)
            for generator, position in zip(self._generators, positions):
                generator.go_to(position)

        return restore

    # -------------------------------------------------------------------------------------------- proof

    def record(self, function: Callable, description: Any, given: list[Tensor]) -> Recording:
        """The call as always, recorded as it was for this capture."""
        return call_and_record(function, description, given, list(self.variables))

    @contextmanager
    def _undoing(self, given: list[Tensor]) -> Iterator[list[Tensor]]:
        """Within, a run changes nothing for others."""
        given = self._ready(given)
        restore, counts = self._snapshot(self._seen), self._counts()
        try:
            yield given
        finally:
            restore()
            self._set_counts(counts)

    def rehearse(self, given: list[Tensor]) -> list[np.ndarray]:
        """All that a replay would give and change, without any change: results and gradients, then memory of
        others.

        Raises:
            GuardFailed: as for :meth:`replay`.
        """
        with self._undoing(given) as given:
            self._run(given, [])
            results = map(self.program.array, self._result_places)
            return [array.copy() for array in (*results, *self._seen)]

    def seconds(self, given: list[Tensor]) -> float:
        """The time of a replay, without any change.

        Raises:
            GuardFailed: as for :meth:`replay`.
        """
        with self._undoing(given) as given:
            start = perf_counter()
            self._run(given, [])
            return perf_counter() - start

    def result_count(self) -> int:
        """How many of the arrays that :meth:`rehearse` gives are results and gradients."""
        return len(self._result_places)

    def values_of(self, made: Recording, given: list[Tensor]) -> list[np.ndarray]:
        """What :meth:`rehearse` gives, from an ordinary call."""
        returned: list[Tensor] = []
        flatten(made.result, returned)
        results = [
            t.array for t, output in zip(returned, self.outputs) if type(output) is tuple and t.array.size
        ]
        leaves = [(leaf, place) for leaf, place in self.grads]
        leaves += [(given[index], place) for index, place in self.grads_given]
        grads: list[Any] = [leaf._grad for leaf, place in leaves if place is not None]
        before = {id(state.tensor): state.grad for state in made.tensors}
        self.gradients.take([before[id(one.leaf)] for one in self.gradients.used])
        return [*results, *(grad.array for grad in grads), *self._seen]


def _parameters_of(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def overlapping(given: list[Tensor], index: int) -> bool:
    """Whether an argument may share memory with another one, and is not the same."""
    one = given[index]
    return any(other is not one and np.may_share_memory(other.array, one.array) for other in given)


def memory_of_others(steps: list) -> list[np.ndarray]:
    """The memory of others that the steps write."""
    written = dict.fromkeys(o for step in steps for o in step.writes if o.buffer.kind == EXTERNAL)
    return [array_at(operand) for operand in written]
