"""How a backward pass adds gradients: the only place in the engine that knows of speed.

:class:`Plain` is the reference: every sum is a new tensor, every step can be recorded and looked at.
:class:`Fast` adds in place where nobody else can see the memory, and lets a leaf keep a gradient without a
copy. Both give the same bits.

Who can see the memory of a gradient? A derivative can only reach what it was given. So a result of a pure
operation that shares no memory with the incoming gradient, with anything that the node saved, or with another
result is *fresh*: only the backward pass can see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from cnn_physics77.core.autograd.graph import Node
from cnn_physics77.core.kernels.elementwise import LARGE, add_into
from cnn_physics77.core.kernels.runtime.layout import flat

Source = tuple[Node, Any, Sequence] | None
"""Where a gradient comes from: (node, incoming gradient, all results of its derivative); None: the caller."""


class Plain:
    """Adds as the formulas say, in new memory."""

    def add(self, edge, total, gradient, source: Source):
        """The sum of what ``edge`` was sent so far and ``gradient``."""
        return total + gradient

    def reached_leaf(self, leaf, gradient, source: Source) -> None:
        """``gradient`` is the first that ``leaf`` is sent."""

    def owns(self, leaf) -> bool:
        """Whether only this pass can see the memory of the sum for ``leaf``."""
        return False


class Fast(Plain):
    """Adds in place where only this pass can see the memory. One object serves one backward pass."""

    def __init__(self) -> None:
        self._owned: set = set()  # edges whose sum lies in memory that only this pass can see

    def add(self, edge, total, gradient, source: Source):
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
        if is_fresh(gradient, source):
            self._owned.add(leaf)

    def owns(self, leaf) -> bool:
        return leaf in self._owned


def is_fresh(gradient, source: Source) -> bool:
    """Whether only the backward pass can see the memory of ``gradient``, a result of ``source``."""
    if source is None:
        return False
    node, incoming, results = source
    if getattr(node.op, "fresh", False):
        return True
    array = gradient.array
    allocated = array.base is None  # for itself: nothing but a view of it shares its memory, and it is dense
    if not getattr(node.op, "pure", False) or not array.flags.writeable:
        return False
    if not allocated and flat(array) is None:
        return False
    others = [result for result in results if result is not gradient]
    if len(others) < len(results) - 1:  # it is sent to several inputs
        return False
    return not _reaches((incoming, *(node.saved or ()), *others), array, allocated)


def _reaches(values: Iterable, array: np.ndarray, allocated: bool) -> bool:
    """Whether tensors, arrays and nested sequences of them may share memory with ``array``, which is
    ``allocated`` for itself or not."""
    for value in values:
        if value is None:
            continue
        other = getattr(value, "array", value)
        if type(other) is np.ndarray and allocated and other.base is None:
            if other is array:
                return True
        elif isinstance(other, (tuple, list)):
            if _reaches(other, array, allocated):
                return True
        elif (other is not value or isinstance(other, np.ndarray)) and np.may_share_memory(array, other):
            return True
    return False


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
