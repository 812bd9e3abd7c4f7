"""Elementwise updates: small parameters are packed into one flat array and updated by one call.

A NumPy call costs about a microsecond: ten calls for each of sixty small parameters cost more than their
arithmetic. The states of small parameters are therefore stored in one array, and the tensors in the
optimizer's ``state`` are views of it. A step gathers the values and the gradients (one call each), updates
them, and copies the values back. A large parameter is updated in place. The memory of a parameter never
changes, because the user may hold views of it. (PyTorch's name for this is foreach, or multi-tensor.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import is_
from typing import Any

import numpy as np

from cnn_physics77.core.errors import CheckpointError, DtypeError
from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop, together
from cnn_physics77.core.optim.optimizer import Optimizer
from cnn_physics77.core.recording import enable_grad
from cnn_physics77.core.tensor import Tensor, from_array

SMALL = 1 << 14
"""Parameters of fewer elements are packed."""


class ParameterPack:
    """Parameters of one dtype and one number of steps that are updated by one call.

    Args:
        params: one parameter of any size, or several small ones, which are packed.
        names: the names of the state arrays, each of the parameter's shape.
        states: the state of each parameter; missing entries become zeros.
        has_step: whether each state has a ``"step"``.

    Attributes:
        packed: whether values and gradients are gathered into one array; else the update is in place.
    """

    def __init__(
        self, params: list[Tensor], names: tuple[str, ...], states: list[dict[str, Any]], has_step: bool
    ):
        self.params = params
        self.states = states
        self.first_step = not names or states[0].get(names[0]) is None
        dtype = params[0].array.dtype
        self.packed = len(params) > 1 or dtype.kind == "c"
        self.arrays: list[np.ndarray] = []
        self.own_tensors: list[list[tuple[str, Tensor]]] = [[] for _ in params]  # put into each state
        if self.packed:
            sizes = [p.array.size for p in params]
            self.slices = [slice(end - n, end) for n, end in zip(sizes, accumulate(sizes))]
            self.values, self.gradients = (np.empty(sum(sizes), dtype) for _ in range(2))
            self.views = [self.values[s].reshape(p.shape) for s, p in zip(self.slices, params)]
        self.steps = np.zeros(len(params), np.float32) if has_step else None
        for i, state in enumerate(states):
            if self.steps is not None:
                step = state.get("step", 0)
                self.steps[i] = step.array if isinstance(step, Tensor) else step
                self._set_state(i, "step", self.steps[i : i + 1].reshape(()))
        for name in names:
            self._allocate_state(name)

    def _allocate_state(self, name: str) -> None:
        """Allocate this state array for all parameters, and copy the values it has so far."""
        if self.packed:
            whole = np.zeros_like(self.values)
            places = [whole[s].reshape(p.shape) for s, p in zip(self.slices, self.params)]
        else:
            whole = np.zeros_like(self.params[0].array)
            places = [whole]
        self.arrays.append(whole)
        for i, (place, p, state) in enumerate(zip(places, self.params, self.states)):
            old = state.get(name)
            if old is not None:
                if old.shape != p.shape:
                    raise CheckpointError(
                        f"step: expected {name!r} of the parameter's shape {p.shape}, found {old.shape}; the "
                        "state belongs to another model"
                    )
                np.copyto(place, old.array, casting="same_kind")
            self._set_state(i, name, place)

    def _set_state(self, i: int, name: str, array: np.ndarray) -> None:
        tensor = from_array(array)
        self.states[i][name] = tensor
        self.own_tensors[i].append((name, tensor))

    def is_current(self, state: dict) -> bool:
        """Whether the optimizer's state still holds these tensors: users may load, replace or clear it."""
        return all(
            not tensors or (state.get(p) is own and all(own.get(name) is tensor for name, tensor in tensors))
            for p, own, tensors in zip(self.params, self.states, self.own_tensors)
            if tensors
        )

    def loop(self, function: Callable[..., ParallelLoop]) -> ParallelLoop:
        """The loop ``function(values, gradients, *states)`` of a single parameter, which changes values
        and states in place."""
        (p,) = self.params
        assert p.grad is not None
        loop = function(p.array, p.grad.array, *self.arrays)
        p.mark_changed()
        self.first_step = False
        return loop

    def update(self, function: Callable[..., ParallelLoop]) -> None:
        """Gather several parameters, run the loop, and copy the values back."""
        self._gather(self.values, [p.array for p in self.params])
        self._gather(self.gradients, [p.grad.array for p in self.params])  # type: ignore[union-attr]
        arrays = [self.values, self.gradients, *self.arrays]
        if self.values.dtype.kind == "c":  # elementwise in real and imaginary parts, as in PyTorch
            arrays = [a.view(a.real.dtype) for a in arrays]
        function(*arrays).run()
        for p, view in zip(self.params, self.views):
            np.copyto(p.array, view)
            p.mark_changed()
        self.first_step = False

    @staticmethod
    def _gather(out: np.ndarray, arrays: Sequence[np.ndarray]) -> None:
        try:
            np.concatenate(arrays, axis=None, out=out, casting="no")
        except TypeError:
            found = sorted({str(a.dtype) for a in arrays})
            raise DtypeError(
                f"step: expected parameters and gradients of {out.dtype}, as in the steps before, "
                f"found {', '.join(found)}; make the optimizer after converting the model"
            ) from None


class ElementwiseOptimizer(Optimizer):
    """An optimizer whose update treats every element alike. A subclass defines the state arrays and the
    update."""

    has_step = True
    """Whether a state has a ``"step"``, the number of updates so far."""

    def state_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The names of the state arrays of each parameter."""
        raise NotImplementedError

    def numbers(self, group: dict[str, Any], step: float) -> tuple[float, ...]:
        """The numbers of the update that change from step to step, such as the learning rate.

        Args:
            step: the number of this step, from 1.
        """
        raise NotImplementedError

    def update(
        self, group: dict[str, Any], numbers: tuple[float, ...], first_step: bool
    ) -> Callable[..., ParallelLoop]:
        """The function ``(values, gradients, *states)`` that returns the loop of one step of a group.

        Args:
            numbers: what :meth:`numbers` gave for this step.
            first_step: the states hold only zeros so far.
        """
        raise NotImplementedError

    def step(self, closure: Callable | None = None):
        """Update the parameters that have a gradient.

        Args:
            closure: recomputes the loss and its gradients, and returns the loss.

        Returns:
            What the closure returned, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        packs = [
            (pack, group)
            for number, group in enumerate(self.param_groups)
            for pack in self._packs(number, group)
        ]
        for pack, group in packs:
            if pack.packed:
                pack.update(self._next_update(pack, group))
        together(pack.loop(self._next_update(pack, group)) for pack, group in packs if not pack.packed)
        return loss

    def _next_update(self, pack: ParameterPack, group: dict[str, Any]) -> Callable[..., ParallelLoop]:
        return self.update(group, self.next_numbers(pack, group), pack.first_step)

    def next_numbers(self, pack: ParameterPack, group: dict[str, Any]) -> tuple[float, ...]:
        """Count a step of the pack; the numbers of its update. A capture calls this before each replay."""
        step = 0.0
        if pack.steps is not None:
            pack.steps += 1
            step = float(pack.steps[0])
        return self.numbers(group, step)

    def _packs(self, number: int, group: dict[str, Any]) -> list[ParameterPack]:
        params = [p for p in group["params"] if p.grad is not None]
        names = self.state_names(group)
        plans = self.__dict__.setdefault("_plans", {})
        if number in plans:
            planned, planned_names, packs = plans[number]
            if (
                len(planned) == len(params)
                and names == planned_names
                and all(map(is_, planned, params))
                and all(pack.is_current(self.state) for pack in packs)
            ):
                return packs
        packs = self._make_packs(params, names)
        plans[number] = (params, names, packs)
        return packs

    def _make_packs(self, params: list[Tensor], names: tuple[str, ...]) -> list[ParameterPack]:
        """Pack the small parameters by dtype and number of steps; large ones stay single."""
        alike: dict[tuple, list[Tensor]] = {}
        for p in params:
            state = self.state[p] if names or self.has_step else {}
            step = state.get("step", 0)
            dtype = p.array.dtype
            large = p.array.size >= SMALL and dtype.kind != "c"
            key = (
                dtype,
                float(step),
                state.get(names[0]) is None if names else True,
                id(p) if large else None,
            )
            alike.setdefault(key, []).append(p)
        return [
            ParameterPack(
                members,
                names,
                [self.state[p] if names or self.has_step else {} for p in members],
                self.has_step,
            )
            for members in alike.values()
        ]
