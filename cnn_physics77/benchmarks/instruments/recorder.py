"""Clocks inside a training step of our framework.

Every call of an operation goes through its ``forward``, every derivative through ``Operation.backward``. For
the time of a profile these, ``Operation.__call__`` and NumPy's matrix products are wrapped by a clock; then
they are as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import prod
from threading import get_ident
from time import perf_counter
from typing import Any

import numpy as np

from ...core.operations.base.operation import OPERATIONS, Operation

PRODUCTS = ("matmul", "dot", "vdot", "einsum", "tensordot", "inner", "vecdot")
"""NumPy's functions that end in BLAS."""

REMAINDER = "between operations"
"""Name of the row for the time outside of operations."""


@dataclass
class Event:
    """One call of an operation, or of its derivative, in one step."""

    name: str
    phase: str
    shapes: str = ""
    seconds: float = 0.0
    blas: float = 0.0
    kernel: float = 0.0  # products included
    flops: float = 0.0
    bytes: float = 0.0
    kernels: list[str] = field(default_factory=list)  # the operations that computed something in it


_PER_OUTPUT: dict[str, Callable[[Sequence[Any], np.ndarray], float]] = {
    "convolution": lambda arrays, out: 2.0 * out.size * prod(arrays[1].shape[1:]),
    "convolution_input_gradient": lambda arrays, out: 2.0 * arrays[0].size * prod(arrays[1].shape[1:]),
    "convolution_weight_gradient": lambda arrays, out: 2.0 * arrays[0].size * prod(out.shape[1:]),
    "convolution_gradients": lambda arrays, out: 4.0 * arrays[0].size * prod(arrays[2].shape[1:]),
    "linear": lambda arrays, out: 2.0 * out.size * arrays[1].shape[-1],
    "linear_input_gradient": lambda arrays, out: 2.0 * out.size * arrays[1].shape[0],
    "linear_weight_gradient": lambda arrays, out: 2.0 * arrays[0].size * out.shape[-1],
    "matmul": lambda arrays, out: 2.0 * out.size * arrays[0].shape[-1],
}


def cost(name: str, arrays: Sequence[Any], out: Any) -> tuple[float, float]:
    """FLOPs and bytes of one call of the operation `name`. FLOPs are those of the plain algorithm for
    products, otherwise one for each element of the largest array. A view of an input costs neither.

    >>> cost("linear", [np.zeros((64, 5)), np.zeros((3, 5)), np.zeros(3)], np.zeros((64, 3)))
    (1920.0, 4240.0)
    """
    if isinstance(out, tuple):
        out = out[0]
    results = [a for a in (out if isinstance(out, list) else [out]) if isinstance(a, np.ndarray)]
    given = [a for a in arrays if isinstance(a, np.ndarray)]
    if not results or any(np.may_share_memory(results[0], a) for a in given):
        return 0.0, 0.0
    moved = float(sum(a.nbytes for a in (*given, *results)))
    if name in _PER_OUTPUT:
        return _PER_OUTPUT[name](arrays, results[0]), moved
    return float(max(a.size for a in (*given, *results))), moved


def _sizes(arrays: Sequence[Any]) -> str:
    return " ".join("x".join(map(str, a.shape)) for a in arrays if isinstance(a, np.ndarray) and a.ndim)


class Recorder:
    """A context with clocks around the kernels, the operations and their derivatives."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._open: Event | None = None
        self._shapes: dict[int, str] = {}  # of the inputs of each node of the graph, by its identity
        self._thread = get_ident()
        self._blas = 0.0
        self._in_product = False

    def start_step(self) -> None:
        """Forget the previous step."""
        self.events, self._open = [], None
        self._shapes.clear()

    # -------------------------------------------------------------------------------- the clocks

    @contextmanager
    def event(self, name: str, phase: str, shapes: str = "") -> Iterator[Event]:
        """Record the context as one event, unless another event is open, which then includes it."""
        if self._open is not None:
            yield self._open
            return
        event = self._open = Event(name, phase, shapes)
        start = perf_counter()
        try:
            yield event
        finally:
            event.seconds = perf_counter() - start
            self._open = None
            self.events.append(event)

    def kernel(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The forward function of an operation, with a clock."""

        def clocked(*arrays: Any, **parameters: Any) -> Any:
            with self.event(name, "forward", _sizes(arrays)) as event:
                event.kernels.append(name)
                before, start = self._blas, perf_counter()
                out = function(*arrays, **parameters)
                event.kernel += perf_counter() - start
                event.blas += self._blas - before
                flops, moved = cost(name, arrays, out)
                event.flops += flops
                event.bytes += moved
                return out

        return clocked

    def product(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of NumPy that ends in BLAS, with a clock for the calls of the calling thread."""

        def clocked(*arguments: Any, **keywords: Any) -> Any:
            if self._in_product or get_ident() != self._thread:
                return function(*arguments, **keywords)
            self._in_product = True
            start = perf_counter()
            try:
                return function(*arguments, **keywords)
            finally:
                self._blas += perf_counter() - start
                self._in_product = False

        return clocked

    # -------------------------------------------------------------------------------- installing them

    def __enter__(self) -> Recorder:
        self._stack = ExitStack()
        call, backward = Operation.__call__, Operation.backward
        recorder = self

        def clocked_call(operation: Operation, *tensors: Any, **parameters: Any) -> Any:
            shapes = _sizes([getattr(tensor, "array", None) for tensor in tensors])
            with recorder.event(operation.name, "forward", shapes):
                made = call(operation, *tensors, **parameters)
            first = made[0] if isinstance(made, tuple) else made
            recorder._shapes[id(getattr(first, "edge", None))] = shapes
            return made

        def clocked_backward(operation: Operation, node: Any, gradient: Any, edges: tuple) -> Any:
            first = gradient[0] if isinstance(gradient, (tuple, list)) else gradient
            shapes = recorder._shapes.get(id(node)) or _sizes([first.array])
            with recorder.event(operation.name, "backward", shapes):
                return backward(operation, node, gradient, edges)

        self._put(Operation, "__call__", clocked_call)
        self._put(Operation, "backward", clocked_backward)
        for operation in OPERATIONS.values():
            for name in ("forward", "forward_shared"):
                self._put(operation, name, self.kernel(operation.name, getattr(operation, name)))
        for name in PRODUCTS:
            self._put(np, name, self.product(getattr(np, name)))
        return self

    def _put(self, holder: Any, name: str, value: Any) -> None:
        self._stack.callback(setattr, holder, name, getattr(holder, name))
        setattr(holder, name, value)

    def __exit__(self, *_: object) -> None:
        self._stack.close()


_UPDATE_FLOPS = {"SGD": (2, 4), "Adam": (12, 12), "AdamW": (14, 14)}  # for each element: without, with state


def _update_cost(optimizer: Any) -> tuple[float, float]:
    """FLOPs and bytes of an update: parameters and state are read and written, gradients read."""
    parameters = [p.array for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    elements = sum(array.size for array in parameters)
    states = [value for state in optimizer.state_dict()["state"].values() for value in state.values()]
    held = sum(value.array.nbytes for value in states if hasattr(value, "array") and value.ndim)
    flops = _UPDATE_FLOPS.get(type(optimizer).__name__, (2, 4))[held > 0]
    return float(flops * elements), float(3 * sum(array.nbytes for array in parameters) + 2 * held)


def our_events(step: Callable[[], Any], optimizer: Any, steps: int) -> list[list[Event]]:
    """The events of each of `steps` profiled steps; the last event of each is the time between the others."""
    found: list[list[Event]] = []
    with Recorder() as recorder:
        plain = optimizer.step

        def update(*arguments: Any) -> Any:
            with recorder.event(type(optimizer).__name__, "update") as event:
                start = perf_counter()
                result = plain(*arguments)
                event.kernel = perf_counter() - start
            return result

        optimizer.step = update
        try:
            for _ in range(steps):
                recorder.start_step()
                start = perf_counter()
                step()
                total = perf_counter() - start
                events = recorder.events
                rest = max(0.0, total - sum(event.seconds for event in events))
                found.append([*events, Event(REMAINDER, "step", "", rest)])
        finally:
            del optimizer.step
    flops, moved = _update_cost(optimizer)
    for events in found:
        for event in events:
            if event.phase == "update":
                event.flops, event.bytes = flops, moved
    return found
