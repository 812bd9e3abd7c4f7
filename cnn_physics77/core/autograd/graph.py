"""The graph of a computation: nodes, the edges between them, and the one place that makes a node.

A result that depends on something differentiable carries an *edge*, which says where its gradient goes next:

- ``None``: nowhere, it is a constant;
- :data:`LEAF`: into the tensor's own ``.grad``; it is a variable of the user's;
- a :class:`Node`: to the operation that made it;
- an :class:`Output`: to one of several results of the operation that made it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import count
from threading import Lock, RLock
from typing import Any

from cnn_physics77.core.autograd.node_hooks import hook_after, hook_before
from cnn_physics77.core.handles import RemovableHandle

# ------------------------------------------------------------------------------------------ sequence numbers


class _Locks:
    """One lock for each process: a child that was forked while another thread held its parent's lock does not
    have the thread that would release it. Reentrant, as a signal handler may come while it is held."""

    def __init__(self) -> None:
        self._of_process: dict[int, Any] = {}

    def __call__(self) -> Any:
        process = os.getpid()
        return self._of_process.get(process) or self._of_process.setdefault(process, RLock())


locks = _Locks()
"""``with locks(): ...`` protects what several threads change in the graph: sums in ``.grad``, the number of
the last change in place."""


def _counter() -> Callable[[], int]:
    """1, 2, 3, ...; no two threads are given the same number."""
    following = count(1).__next__
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        return following  # one call into C, which the interpreter's lock does not part
    lock = Lock()

    def locked() -> int:
        with lock:
            return following()

    return locked


class Numbering:
    """Numbers what happens to the graph: every recorded call, and every change of a tensor in place.

    A node's number is higher than those of all nodes that it was made from, so a pass that goes from high to
    low numbers meets every node after all its users. A tensor remembers the number of its last change: if
    that is higher than the number of a node that saved the tensor, the node's derivative would be wrong.
    """

    __slots__ = ("last_change", "next")

    def __init__(self) -> None:
        self.next = _counter()
        self.last_change = 0

    def change(self) -> int:
        """The number of a change in place that happens now."""
        with locks():
            self.last_change = self.next()
            return self.last_change


sequence = Numbering()
_next_number = sequence.next

# ----------------------------------------------------------------------------------------------------- nodes


class _Leaf:
    __slots__ = ()

    def __repr__(self) -> str:
        return "LEAF"


LEAF = _Leaf()
"""The edge of a variable: its gradient goes into its own ``.grad``."""


class Reusable(tuple):
    """What a node saved, if that is shapes, dtypes and parameters alone: it serves any number of passes."""

    __slots__ = ()


def titled(name: str) -> str:
    """An operation's name as that of a derivative: ``"MulBackward0"`` for ``"mul"``."""
    return "".join(word.capitalize() for word in name.split("_")) + "Backward0"


class Node:
    """One recorded call of an operation. Made by :func:`record`.

    Attributes:
        op: the operation: has ``name`` and ``backward(node, gradient, edges)``, which returns one gradient
            per edge (anything for an edge that is None). With a true ``pure`` the gradients do not depend on
            anything but what backward is given, and nothing else keeps them; with a true ``fresh`` each of
            them lies in new memory of its own.
        edges: for each input, where its gradient goes: None, a Node, an Output, or the leaf tensor itself.
        saved: what the derivative needs, in the order that the operation likes; None once it was freed,
            which happens to values (a tuple that is not empty and not :class:`Reusable`).
        sequence: the number of the call; see :class:`Numbering`.
        outputs: None for one result; for several, a list of (shape, dtype), one of each.
        title: its name, if it is not the operation's.
        hooks: per output index, the functions to call on its gradient.
    """

    outputs: list | None = None
    hooks: dict[int, dict[int, Callable]] | None = None
    title: str | None = None
    op: Any
    edges: tuple
    saved: tuple | None
    sequence: int

    def name(self) -> str:
        """PyTorch's name of the derivative: ``"MulBackward0"``; of a user's Function ``"MineBackward"``."""
        function = getattr(self.op, "function", None)
        if function is not None:
            return f"{function.__name__}Backward"
        return self.title or getattr(self.op, "title", None) or titled(self.op.name)

    @property
    def next_functions(self) -> tuple:
        """For each input, (where its gradient goes, index of the output there): a node, None, or for a leaf
        an :class:`AccumulateGrad`."""
        return tuple(_next_function(edge) for edge in self.edges)

    @property
    def parents(self) -> tuple:
        """The nodes and leaf tensors that this result was made from."""
        return tuple(node_of(e) for e in self.edges if e is not None)

    @property
    def metadata(self) -> dict:
        """Notes of the user's about this node."""
        return self.__dict__.setdefault("_notes", {})

    def register_hook(self, fn: Callable) -> RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` after the derivative; both are tuples, with None where there
        is no gradient. A result other than None replaces the gradients of the inputs."""
        return hook_after(self, fn)

    def register_prehook(self, fn: Callable) -> RemovableHandle:
        """Call ``fn(grad_outputs)`` before the derivative. A result other than None replaces them."""
        return hook_before(self, fn)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


def _saved(name: str) -> property:
    def value(node: Node) -> Any:
        ask = getattr(node.op, "saved_value", None)
        if ask is None:
            raise AttributeError(f"{node.name()} does not say what it saved")
        return ask(node, name)

    return property(value, doc=f"What PyTorch calls {name!r}, if the derivative needs it.")


# properties, as a __getattr__ would delay the reading of every attribute
for _name in ("self", "other", "result", "input", "weight", "mat1", "mat2", "exponent", "target", "index"):
    setattr(Node, f"_saved_{_name}", _saved(_name))


class Output:
    """Result number ``index`` of a node that has several."""

    __slots__ = ("index", "node")

    def __init__(self, node: Node, index: int):
        self.node = node
        self.index = index

    def __eq__(self, other) -> bool:
        return type(other) is Output and other.node is self.node and other.index == self.index

    def __hash__(self) -> int:
        return hash((id(self.node), self.index))


class AccumulateGrad:
    """The end of a graph in :attr:`Node.next_functions`: gradients are added to ``variable.grad``.

    Attributes:
        variable: the leaf tensor.
    """

    __slots__ = ("variable",)

    next_functions = ()

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    def name(self) -> str:
        """PyTorch's name."""
        return "torch::autograd::AccumulateGrad"

    def __eq__(self, other) -> bool:
        return type(other) is AccumulateGrad and other.variable is self.variable

    def __hash__(self) -> int:
        return hash((AccumulateGrad, id(self.variable)))

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


def _next_function(edge: Any) -> tuple[Any, int]:
    if type(edge) is Output:
        return edge.node, edge.index
    return (edge if edge is None or isinstance(edge, Node) else AccumulateGrad(edge)), 0


_new = object.__new__

watchers: list[Callable[[Node], None]] = []
"""Called with each new node, from any thread: see ``autograd.detect_anomaly``, ``saved_tensors_hooks``."""


def record(op, edges: tuple, saved: tuple = (), outputs: list | None = None) -> Node:
    """A node for a call of ``op`` that happens now; its result gets it (or its :class:`Output`) as edge."""
    node = _new(Node)
    node.op = op
    node.edges = edges
    node.saved = saved
    node.sequence = _next_number()
    if outputs is not None:
        node.outputs = outputs
    if watchers:
        for watch in watchers:
            watch(node)
    return node


def edge_to(tensor):
    """The edge that a node writes down for an input: see :class:`Node`.edges."""
    edge = tensor.edge
    return tensor if edge is LEAF else edge


def node_of(edge):
    """The node (or leaf tensor) that an edge leads to."""
    return edge.node if type(edge) is Output else edge


def hooks_of(edge) -> dict[int, Callable]:
    """The hooks on the gradient of the result of a recorded operation."""
    node, index = (edge.node, edge.index) if type(edge) is Output else (edge, 0)
    node.hooks = node.hooks or {}
    return node.hooks.setdefault(index, {})
