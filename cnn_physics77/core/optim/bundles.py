"""How elementwise updates are made fast: small parameters are updated together, as one flat array.

NumPy needs about a microsecond for a call, so that ten calls for each of sixty small parameters take longer
than their arithmetic. The states of small parameters therefore lie in one array, of which the states that
users see are views; at each step values and gradients are gathered (one call each), updated, and the values
put back. A large parameter is updated where it is. Parameters themselves are never moved: the user may hold
views of them.
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
"""Parameters of fewer elements are updated together."""


class Bundle:
    """Parameters of one dtype and one number of steps, updated together.

    Args:
        params: one of any size, or several that are copied together.
        names: of the states, each an array like the parameter.
        states: of each parameter, what it remembers; missing entries become zeros.
        counted: whether each has a ``"step"``.
    """

    def __init__(
        self, params: list[Tensor], names: tuple[str, ...], states: list[dict[str, Any]], counted: bool
    ):
        self.params = params
        self.owners = states
        self.fresh = not names or states[0].get(names[0]) is None
        dtype = params[0].array.dtype
        self.together = len(params) > 1 or dtype.kind == "c"
        self.arrays: list[np.ndarray] = []
        self.kept: list[list[tuple[str, Tensor]]] = [[] for _ in params]  # what each owner must still hold
        if self.together:
            sizes = [p.array.size for p in params]
            self.slices = [slice(end - n, end) for n, end in zip(sizes, accumulate(sizes))]
            self.values, self.gradients = (np.empty(sum(sizes), dtype) for _ in range(2))
            self.views = [self.values[s].reshape(p.shape) for s, p in zip(self.slices, params)]
        self.steps = np.zeros(len(params), np.float32) if counted else None
        for i, owner in enumerate(states):
            if self.steps is not None:
                step = owner.get("step", 0)
                self.steps[i] = step.array if isinstance(step, Tensor) else step
                self._keep(i, "step", self.steps[i : i + 1].reshape(()))
        for name in names:
            self._place_state(name)

    def _place_state(self, name: str) -> None:
        """Give this state of all parameters its memory, with the values it has so far."""
        if self.together:
            whole = np.zeros_like(self.values)
            places = [whole[s].reshape(p.shape) for s, p in zip(self.slices, self.params)]
        else:
            whole = np.zeros_like(self.params[0].array)
            places = [whole]
        self.arrays.append(whole)
        for i, (place, p, owner) in enumerate(zip(places, self.params, self.owners)):
            old = owner.get(name)
            if old is not None:
                if old.shape != p.shape:
                    raise CheckpointError(
                        f"step: expected {name!r} of the parameter's shape {p.shape}, found {old.shape}; the "
                        "state belongs to another model"
                    )
                np.copyto(place, old.array, casting="same_kind")
            self._keep(i, name, place)

    def _keep(self, i: int, name: str, array: np.ndarray) -> None:
        tensor = from_array(array)
        self.owners[i][name] = tensor
        self.kept[i].append((name, tensor))

    def is_current(self, state: dict) -> bool:
        """Whether the optimizer's state still is what lies here: users may load, replace or clear it."""
        return all(
            state.get(p) is owner and all(owner.get(name) is tensor for name, tensor in kept)
            for p, owner, kept in zip(self.params, self.owners, self.kept)
        )

    def loop(self, function: Callable[..., ParallelLoop]) -> ParallelLoop:
        """Of one parameter, the loop ``function(values, gradients, *states)``, which changes values and
        states in place."""
        (p,) = self.params
        assert p.grad is not None
        loop = function(p.array, p.grad.array, *self.arrays)
        p.mark_changed()
        self.fresh = False
        return loop

    def update(self, function: Callable[..., ParallelLoop]) -> None:
        """Of several parameters, gather them, run the loop, and put the values back."""
        self._gather(self.values, [p.array for p in self.params])
        self._gather(self.gradients, [p.grad.array for p in self.params])  # type: ignore[union-attr]
        arrays = [self.values, self.gradients, *self.arrays]
        if self.values.dtype.kind == "c":  # elementwise in real and imaginary parts, as in PyTorch
            arrays = [a.view(a.real.dtype) for a in arrays]
        function(*arrays).run()
        for p, view in zip(self.params, self.views):
            np.copyto(p.array, view)
            p.mark_changed()
        self.fresh = False

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
    """An optimizer whose update treats every element alike; a subclass says what it remembers, and how it
    updates."""

    counted = True
    """Whether the state has a ``"step"``, the number of updates so far."""

    def state_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The names of the arrays that are remembered for each parameter."""
        raise NotImplementedError

    def update(self, group: dict[str, Any], step: float, fresh: bool) -> Callable[..., ParallelLoop]:
        """The function ``(values, gradients, *states)`` that returns the loop of one step of a group.

        Args:
            step: the number of this step, from 1.
            fresh: the states hold nothing yet but zeros.
        """
        raise NotImplementedError

    def step(self, closure: Callable | None = None):
        """Change the parameters that have a gradient, once.

        Args:
            closure: computes the loss and its gradients anew, and returns the loss.

        Returns:
            What the closure returned, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        bundles = [
            (bundle, group)
            for number, group in enumerate(self.param_groups)
            for bundle in self._bundles(number, group)
        ]
        for bundle, group in bundles:
            if bundle.together:
                bundle.update(self._next_update(bundle, group))
        together(
            bundle.loop(self._next_update(bundle, group)) for bundle, group in bundles if not bundle.together
        )
        return loss

    def _next_update(self, bundle: Bundle, group: dict[str, Any]) -> Callable[..., ParallelLoop]:
        step = 0.0
        if bundle.steps is not None:
            bundle.steps += 1
            step = float(bundle.steps[0])
        return self.update(group, step, bundle.fresh)

    def _bundles(self, number: int, group: dict[str, Any]) -> list[Bundle]:
        params = [p for p in group["params"] if p.grad is not None]
        names = self.state_names(group)
        plans = self.__dict__.setdefault("_plans", {})
        if number in plans:
            planned, planned_names, bundles = plans[number]
            if (
                len(planned) == len(params)
                and names == planned_names
                and all(map(is_, planned, params))
                and all(bundle.is_current(self.state) for bundle in bundles)
            ):
                return bundles
        bundles = self._plan(params, names)
        plans[number] = (params, names, bundles)
        return bundles

    def _plan(self, params: list[Tensor], names: tuple[str, ...]) -> list[Bundle]:
        """Small parameters that are alike go together, the others alone."""
        alike: dict[tuple, list[Tensor]] = {}
        for p in params:
            state = self.state[p] if names or self.counted else {}
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
            Bundle(
                members,
                names,
                [self.state[p] if names or self.counted else {} for p in members],
                self.counted,
            )
            for members in alike.values()
        ]
