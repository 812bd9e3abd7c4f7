"""Elementwise updates: small parameters are packed into one flat array and updated by one call.

A NumPy call costs about a microsecond: ten calls for each of sixty small parameters cost more than their
arithmetic. The states of small parameters are therefore stored in one array, and the tensors in the
optimizer's ``state`` are views of it. A step gathers the values and the gradients (one call each), updates
them, and copies the values back. A large parameter is updated in place. The memory of a parameter never
changes, because the user may hold views of it. (PyTorch's name for this is foreach, or multi-tensor.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from operator import is_
from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.errors import CheckpointError, DtypeError
from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop, together
from cnn_physics77.core.optim.optimizer import Optimizer, evaluate
from cnn_physics77.core.tensor import Tensor, from_array

SMALL = 1 << 14
"""Parameters of fewer elements are packed."""


class ParameterPack:
    """Parameters of one dtype and one number of steps that are updated by one call.

    Args:
        params: one parameter of any size, or several small ones, which are packed.
        names: the names of the state arrays, each of the parameter's shape.
        states: the state of each parameter.
        first: the values with which states begin: numbers, and arrays of one value (of 0 if it is not here).

    Attributes:
        packed: whether values and gradients are gathered into one array; else the update is in place.
        scalars: the numbers of the states, one for each parameter; those of one name are all equal.
    """

    def __init__(
        self,
        params: list[Tensor],
        names: tuple[str, ...],
        states: list[dict[str, Any]],
        first: dict[str, float],
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
        self.scalars = {
            name: np.array(
                [_number(s.get(name, value)) for s in states], _dtype_of_number(states[0].get(name))
            )
            for name, value in first.items()
            if name not in names
        }
        for name, numbers in self.scalars.items():
            for i in range(len(states)):
                self._set_state(i, name, numbers[i : i + 1].reshape(()))
        for name in names:
            self._allocate_state(name, first.get(name, 0.0))

    def _allocate_state(self, name: str, value: float) -> None:
        """Allocate this state array for all parameters, and copy the values it has so far."""
        if self.packed:
            whole = np.full_like(self.values, value)
            places = [whole[s].reshape(p.shape) for s, p in zip(self.slices, self.params)]
        else:
            whole = np.full_like(self.params[0].array, value)
            places = [whole]
        if value and whole.dtype.kind == "c":
            whole.imag = value  # complex numbers are pairs of real ones
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
            state.get(p) is own and all(own.get(name) is tensor for name, tensor in tensors)
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


def _number(value: Any) -> float:
    return float(value.array if isinstance(value, Tensor) else value)


def _dtype_of_number(given: Any) -> np.dtype:
    """Of a number in a state, such as the step: single, or double if that is the default, as in PyTorch. One
    that was loaded keeps its dtype."""
    if isinstance(given, Tensor) and given.array.dtype.kind == "f":
        return given.array.dtype
    return np.dtype(np.float64 if default_dtype() == np.float64 else np.float32)


class ElementwiseOptimizer(Optimizer):
    """An optimizer whose update treats every element alike. A subclass defines the state arrays and the
    update.

    Attributes:
        rule: ``rule(values, gradients, *states, **settings)`` returns the loop of one step. If one number
            changes from step to step it is its ``lr``, if several do they are its ``numbers``.
        settings: the other settings of a group that it takes.
        state_arrays: the names of the state arrays of each parameter.
    """

    rule: Callable[..., ParallelLoop]
    settings: tuple[str, ...]
    state_arrays: tuple[str, ...]

    def state_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The names of the state arrays of each parameter, if they depend on settings."""
        return self.state_arrays

    def first_values(self, group: dict[str, Any]) -> dict[str, float]:
        """The values with which a state begins: its numbers, and the arrays that do not begin with zeros.

        ``"step"`` is the number of updates so far.
        """
        return {"step": 0.0}

    def numbers(
        self, group: dict[str, Any], step: float, scalars: dict[str, np.ndarray]
    ) -> tuple[float, ...]:
        """The numbers of the update that change from step to step: by default the learning rate.

        Args:
            step: the number of this step, from 1.
            scalars: see :class:`ParameterPack`; those that go on from step to step are changed in place.
        """
        return (float(group["lr"]),)

    def update(
        self, group: dict[str, Any], numbers: tuple[float, ...], first_step: bool
    ) -> Callable[..., ParallelLoop]:
        """The function ``(values, gradients, *states)`` that returns the loop of one step of a group.

        Args:
            numbers: what :meth:`numbers` gave for this step.
            first_step: the states hold only zeros so far.
        """
        given = {name: group[name] for name in self.settings}
        if numbers:
            given |= {"lr": numbers[0]} if len(numbers) == 1 else {"numbers": numbers}
        return partial(self.rule, **given)

    def step(self, closure: Callable | None = None):
        """Update the parameters that have a gradient.

        Args:
            closure: recomputes the loss and its gradients, and returns the loss.

        Returns:
            What the closure returned, or None.
        """
        loss = evaluate(closure)
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
        if "step" in pack.scalars:
            pack.scalars["step"] += 1
            step = float(pack.scalars["step"][0])
        return self.numbers(group, step, pack.scalars)

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
        packs = self._make_packs(params, names, self.first_values(group))
        plans[number] = (params, names, packs)
        return packs

    def _make_packs(
        self, params: list[Tensor], names: tuple[str, ...], first: dict[str, float]
    ) -> list[ParameterPack]:
        """Pack the small parameters by dtype and by the numbers of their states; large ones stay single."""
        alike: dict[tuple, list[Tensor]] = {}
        keeps_state = bool(names or first)
        for p in params:
            state = self.state[p] if keeps_state else {}
            dtype = p.array.dtype
            large = p.array.size >= SMALL and dtype.kind != "c"
            key = (
                dtype,
                tuple(_number(state.get(name, value)) for name, value in first.items() if name not in names),
                state.get(names[0]) is None if names else True,
                id(p) if large else None,
            )
            alike.setdefault(key, []).append(p)
        return [
            ParameterPack(members, names, [self.state[p] if keeps_state else {} for p in members], first)
            for members in alike.values()
        ]
