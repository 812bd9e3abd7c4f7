"""How a backward pass derives and adds: the only place in the engine that knows of speed.

:class:`Plain` is the reference: one derivative after another, and every sum is a new tensor.
:class:`Fast` adds in place where nobody else can see the memory, and lets a leaf keep a gradient without a
copy. With two threads, a worker computes the gradient of a convolution's weight while the pass goes on:
nobody asks for it before the end. Both give the same bits.

Who can see the memory of a gradient? A derivative can only reach what it was given. So a result of a pure
operation that shares no memory with the incoming gradient, with anything that the node saved, or with another
result is *fresh*: only the backward pass can see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from typing import Any

import numpy as np

from cnn_physics77.core.autograd.graph import Node, Output
from cnn_physics77.core.kernels.elementwise import LARGE, add_into
from cnn_physics77.core.kernels.runtime.future import Future
from cnn_physics77.core.kernels.runtime.layout import flat
from cnn_physics77.core.kernels.runtime.pool import get_num_threads
from cnn_physics77.core.recording import switch

Source = tuple[Node, Any, Sequence] | None
"""Where a gradient comes from: (node, incoming gradient, all results of its derivative); None: the caller."""

DEFERRED = 3e7
"""The multiplications of a weight's gradient that a worker computes while the pass goes on, at least."""


class Plain:
    """Derives one input after another, and adds as the formulas say, in new memory."""

    def derive(self, node: Node, gradient, edges: tuple) -> Sequence:
        """The gradient of each input of ``node`` whose edge is not None."""
        return node.op.backward(node, gradient, edges)

    def add(self, edge, total, gradient, source: Source):
        """The sum of what ``edge`` was sent so far and ``gradient``."""
        return total + gradient

    def reached_leaf(self, leaf, gradient, source: Source) -> None:
        """``gradient`` is the first that ``leaf`` is sent."""

    def gradient(self, leaf, total):
        """The sum for ``leaf``, which may have been deferred."""
        return total

    def owns(self, leaf) -> bool:
        """Whether only this pass can see the memory of the sum for ``leaf``."""
        return False

    def wait(self) -> None:
        """Return when all that was deferred is computed: the user's code is next, and may change anything."""

    def cancel(self) -> None:
        """Compute nothing that was deferred and has not begun: the pass has failed, or is over."""


class Fast(Plain):
    """Adds in place where only this pass can see the memory, and defers large gradients of weights. One
    object serves one backward pass."""

    def __init__(self) -> None:
        self._owned: set = set()  # edges whose sum lies in memory that only this pass can see
        self._deferred: list[Future] = []

    def derive(self, node: Node, gradient, edges: tuple) -> Sequence:
        op = node.op
        if self._deferred and not getattr(op, "pure", False):
            self.wait()  # a user's function may change what the worker reads
        place = getattr(op, "weight", None)
        if place is None or not self._may_defer(place, gradient, edges):
            return op.backward(node, gradient, edges)
        weight = tuple(edge if i == place else None for i, edge in enumerate(edges))
        others = tuple(None if i == place else edge for i, edge in enumerate(edges))
        deferred = self._defer(copy(node), gradient, weight, place)  # the node itself is freed
        results = list(op.backward(node, gradient, others))
        results[place] = deferred
        return results

    def _may_defer(self, place: int, gradient, edges: tuple) -> bool:
        """Whether the gradient of a weight is that of a leaf, and large, and the worker is free."""
        return (
            get_num_threads() == 2  # with more of them, all share each derivative
            and all(edge is not None for edge in edges[: place + 1])
            and type(edges[place]) not in (Node, Output)
            and gradient.array.size * edges[place].array.size >= DEFERRED * len(edges[place].array)
            and all(future.done() for future in self._deferred)
        )

    def _defer(self, node: Node, gradient, edges: tuple, place: int) -> Future:
        """(the gradient, whether it is fresh), computed by a worker."""

        def derive():
            before = switch.set(False)  # of the worker, which knows nothing of this pass
            try:
                results = node.op.backward(node, gradient, edges)
            finally:
                switch.reset(before)
            return results[place], is_fresh(results[place], (node, gradient, results))

        future = Future(derive)
        self._deferred.append(future)
        return future

    def wait(self) -> None:
        for future in self._deferred:
            future.result()

    def cancel(self) -> None:
        for future in self._deferred:
            future.cancel()

    def gradient(self, leaf, total):
        if type(total) is not Future:
            return total
        value, fresh = total.result()
        if fresh:
            self._owned.add(leaf)
        return value

    def add(self, edge, total, gradient, source: Source):
        if type(total) is Future or type(gradient) is Future:
            total, gradient = self.gradient(edge, total), self.gradient(edge, gradient)
        a, b = total.array, gradient.array
        if a.dtype is b.dtype and a.strides == b.strides:  # else the memory order is that of Plain
            add = np.add if a.size < LARGE else add_into
            if edge in self._owned:
                add(a, b, a)
                return total
            if is_fresh(gradient, source):
                self._owned.add(edge)
                add(a, b, b)
                return gradient
        self._owned.add(edge)
        return total + gradient

    def reached_leaf(self, leaf, gradient, source: Source) -> None:
        if type(gradient) is not Future and is_fresh(gradient, source):
            self._owned.add(leaf)

    def owns(self, leaf) -> bool:
        return leaf in self._owned


def is_fresh(gradient, source: Source) -> bool:
    """Whether only the backward pass can see the memory of ``gradient``, a result of ``source``."""
    if source is None:
        return False
    node, incoming, results = source
    array = gradient.array
    if not getattr(node.op, "pure", False) or not array.flags.writeable or flat(array) is None:
        return False
    others = [result for result in results if result is not gradient]
    if len(others) < len(results) - 1:  # it is sent to several inputs
        return False
    return not any(np.may_share_memory(array, other) for other in _arrays((incoming, node.saved, others)))


def _arrays(value) -> Iterator[np.ndarray]:
    """The arrays in tensors, arrays and nested sequences of them."""
    for item in value:
        kind = type(item)
        if kind is tuple or kind is list:
            yield from _arrays(item)
        elif kind is np.ndarray:
            yield item
        elif kind is not int and item is not None:
            array = getattr(item, "array", None)
            if array is not None:
                yield array


_execution: ContextVar[type[Plain]] = ContextVar("execution", default=Fast)
current_execution = _execution.get


@contextmanager
def executed_by(kind: type[Plain]) -> Iterator[None]:
    """Backward passes within are executed by ``kind``: :class:`Plain` to step through them, or
    :class:`Fast`, the default. A pass that is recorded (``create_graph=True``) is always plain.

    >>> import cnn_physics77 as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with executed_by(Plain):
    ...     (x * x + x).sum().backward()
    >>> x.grad
    tensor([3., 3.])
    """
    before = _execution.set(kind)
    try:
        yield
    finally:
        _execution.reset(before)
