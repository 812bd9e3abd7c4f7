"""Guards: what a replay depends on besides its arguments, and must be as it was in the capture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from operator import is_
from typing import Any
from weakref import ref

import numpy as np

from cnn_physics77.compile.capture.recorded import Recording
from cnn_physics77.compile.capture.seams import numbers_in
from cnn_physics77.compile.capture.trace import EXTERNAL, owner_of
from cnn_physics77.compile.replay.gradients import Gradient, Gradients
from cnn_physics77.compile.replay.program import Program
from cnn_physics77.core.autograd import LEAF
from cnn_physics77.core.backend.dtypes import get_default_dtype
from cnn_physics77.core.layers.hooks import of_all_modules
from cnn_physics77.core.layers.parameter import Parameter
from cnn_physics77.core.layers.registration import REGISTRIES
from cnn_physics77.core.optim.optimizer import Optimizer
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor


class Guards:
    """The tensors, gradients, modules and optimizers that a program uses, and what they were.

    Attributes:
        slots: the updates of optimizers.
        steps: the optimizers that step, and how often.
        gradients: those that leaves had before the call, and that the program uses.
        mode: whether operations are recorded, and the default dtype.
    """

    def __init__(self, made: Recording, program: Program) -> None:
        operands = {o for step in program.steps for o in (*step.reads, *step.writes)}
        used = {id(o.buffer.owner): o.buffer for o in operands if o.buffer.kind == EXTERNAL}
        written = {o.buffer for step in program.steps for o in step.writes}
        self.slots = made.seen.slots
        self.steps = [
            (o.optimizer, count) for o in made.optimizers if (count := o.optimizer._steps_called - o.steps)
        ]
        # by memory: its tensors, which have been replaced if none is left, and whether each is a constant
        self._tensors: dict[int, list[tuple[ref[Tensor], np.ndarray, bool]]] = {}
        self._changed: list[ref[Tensor]] = []
        self._leaves: list[tuple[Tensor, bool]] = []  # and whether it has no gradient
        gradients: list[Gradient] = []
        groups = [group["params"] for optimizer, _ in self.steps for group in optimizer.param_groups]
        with_grads = {id(p) for params in groups for p in params} | {id(leaf) for leaf, _ in made.grads}
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
        self._module_hooks = [m._hooks for m in made.seen.modules.values() if m._hooks is not None]
        self._parts = list(made.seen.parts())
        self._forwards = [(type(part), type(part).forward) for part in self._parts]
        self._modules = list(map(vars, self._parts))
        self._modules += [module.get(kind, {}) for module in self._modules for kind in REGISTRIES]
        self._attributes = list(map(len, self._modules)), list(_values_in(self._modules))
        self._groups = [(optimizer, _parameters_of(optimizer)) for optimizer, _ in self.steps]
        for slot in self.slots:
            slot.find_arrays()
        free = ("params", "lr", "initial_lr")
        self._settings = [
            (slot, {k: v for k, v in slot.settings().items() if k not in free}, numbers_in(slot.group))
            for slot in self.slots
        ]
        if made.backward is not None:  # which gives gradients that are added elsewhere
            self._leaves, self.gradients.movable = [], False
        leaves = [*(leaf for leaf, _ in self._leaves), *(one.leaf for one in gradients)]
        self._hooked = leaves, [optimizer for optimizer, _ in self._groups]
        self._hooks = self._hooks_now()
        self.mode = recording(), get_default_dtype()

    def holds(self) -> bool:
        """Whether all that the program depends on is as it was."""
        if self.mode != (recording(), get_default_dtype()):
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
        if not self.modules_hold() or self._hooks_now() != self._hooks:
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
        return all(slot.is_current() for slot in self.slots)

    def changed_numbers(self) -> set[tuple[str, int]]:
        """The settings of optimizers that are other numbers now."""
        pairs = [(numbers, numbers_in(slot.group)) for slot, _, numbers in self._settings]
        return {key for before, now in pairs for key, n in before.items() if now.get(key, n) != n}

    def tensors(self) -> list[Tensor]:
        """Those that it uses and that still exist."""
        found = (reference() for alike in self._tensors.values() for reference, _, _ in alike)
        return [*(tensor for tensor in found if tensor is not None), *self.gradients.tensors()]

    def changed(self) -> list[Tensor]:
        """Those whose memory it changes and that still exist."""
        found = [tensor for reference in self._changed if (tensor := reference()) is not None]
        return found + self.gradients.changed()

    def follow(self) -> None:
        """The tensors have been moved, and the program with them."""
        for alike in self._tensors.values():
            alike[:] = [(r, t.array, constant) for r, _, constant in alike if (t := r()) is not None]
        self.gradients.follow()
        for slot in self.slots:
            slot.find_arrays()

    def _hooks_now(self) -> list[Any]:
        """The hooks that a backward pass and a step call, and those of the modules and of all modules."""
        leaves, optimizers = self._hooked
        kinds = [hooks for t in leaves for hooks in (t.hooks, t._after_accumulation)]
        kinds += [hooks for o in optimizers for hooks in (o._step_pre_hooks, o._step_post_hooks)]
        found: list[Any] = [tuple(hooks.values()) if hooks else () for hooks in kinds]
        for own in (of_all_modules, *self._module_hooks):
            found.append(own.is_full)
            found += [
                own.calls(kind) if getattr(own, kind) else ()
                for kind in ("forward_pre", "forward", "backward_pre", "backward")
            ]
        return found

    def hooks(self) -> list[Callable]:
        """All that were registered in the capture."""
        leaves, optimizers = self._hooked
        kinds = [hooks for t in leaves for hooks in (t.hooks, t._after_accumulation)]
        kinds += [hooks for o in optimizers for hooks in (o._step_pre_hooks, o._step_post_hooks)]
        owners = (of_all_modules, *self._module_hooks)
        kinds += [
            hooks
            for own in owners
            for hooks in (own.forward_pre, own.forward, own.backward_pre, own.backward)
        ]
        return [hook for hooks in kinds if hooks for hook in hooks.values()]

    def modules_hold(self) -> bool:
        if [(type(part), type(part).forward) for part in self._parts] != self._forwards:
            return False
        lengths, values = self._attributes
        return list(map(len, self._modules)) == lengths and all(map(is_, _values_in(self._modules), values))

    def counts(self) -> dict[str, int]:
        """How many things of each kind must be as they were, in words."""
        return {
            "tensors lie where they did": len(self._tensors),
            "gradients are there, or not, as before": len(self._leaves) + len(self.gradients.used),
            "modules have the attributes that they had": len(self._modules) // (1 + len(REGISTRIES)),
            "groups of an optimizer have the settings that they had": len(self._settings),
        }


def _values_in(dictionaries: list[dict[str, Any]]) -> Iterator[Any]:
    return chain.from_iterable(map(dict.values, dictionaries))


def _parameters_of(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]
