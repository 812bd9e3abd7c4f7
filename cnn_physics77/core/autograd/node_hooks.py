"""Hooks of a node: functions that see, and may replace, what goes into a derivative and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnn_physics77.core.handles import RemovableHandle


class Hooked:
    """The operation of a node that has hooks: it calls them around the derivative of the operation itself."""

    def __init__(self, op: Any) -> None:
        self._op = op
        self.before: dict[int, Callable] = {}
        self.after: dict[int, Callable] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._op, name)

    fresh = pure = False  # a hook may keep what it sees

    def backward(self, node: Any, gradient: Any, edges: tuple) -> Sequence:
        gradients = (gradient,) if node.outputs is None else tuple(gradient)
        for hook in tuple(self.before.values()):
            gradients = _replaced("register_prehook", gradients, hook(gradients))
        results = self._op.backward(node, gradients[0] if node.outputs is None else list(gradients), edges)
        inputs = tuple(None if edge is None else result for edge, result in zip(edges, results))
        for hook in tuple(self.after.values()):
            inputs = _replaced("register_hook", inputs, hook(inputs, gradients))
        return inputs


def _replaced(function: str, gradients: tuple, new: Any) -> tuple:
    if new is None:
        return gradients
    new = tuple(new) if isinstance(new, (tuple, list)) else (new,)
    if len(new) != len(gradients):
        raise ValueError(
            f"{function}: expected a hook to return None or {len(gradients)} gradients, found {len(new)}"
        )
    return new


def hook_before(node: Any, hook: Callable) -> RemovableHandle:
    """See :meth:`Node.register_prehook`."""
    return RemovableHandle(_hooked(node).before, hook)


def hook_after(node: Any, hook: Callable) -> RemovableHandle:
    """See :meth:`Node.register_hook`."""
    return RemovableHandle(_hooked(node).after, hook)


def _hooked(node: Any) -> Hooked:
    if not isinstance(node.op, Hooked):
        node.op = Hooked(node.op)
    return node.op
