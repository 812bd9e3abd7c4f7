r"""The backward pass: reverse-mode differentiation that knows no operation and no array.

For :math:`L = f_n(\dots f_1(x))` it starts with :math:`\bar y = \partial L/\partial y = 1` and hands every
node the sum of what its users sent, once they all have:

.. math:: \bar x_i = \sum_{\text{users } y} \bar y \, \frac{\partial y}{\partial x_i}

(A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, section 3.2). It is iterative and
visits a node once, however often its result was used: the node with the highest sequence number comes next,
so all its users came before. The derivatives are themselves made of tensor operations: recorded
(``create_graph=True``), they can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from heapq import heappop, heappush
from typing import Any

from cnn_physics77.core.autograd.execution import Plain, Source, current_execution
from cnn_physics77.core.autograd.graph import Node, Output, node_of
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.recording import recording, switch

retaining: ContextVar[bool] = ContextVar("retaining", default=False)
"""Whether the backward pass that runs keeps the graph for another one."""

ending: ContextVar[list] = ContextVar("ending")
"""The functions to call when the backward pass that runs has delivered everything; a list of its own."""

checks: list[Callable[[Node, Sequence, Sequence], None]] = []
"""Called with (node, edges, their gradients), in every pass: see ``autograd.detect_anomaly``."""


@silent  # infinite gradients that meet are NaN, without a warning
def run_backward(
    roots: Sequence,
    gradients: Sequence,
    deliver: Callable[[Any, Any, bool], None],
    inputs: set | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> None:
    """Send ``gradients`` from ``roots`` (nodes, outputs, leaves) down the graph.

    ``deliver(edge, gradient, owned)`` is called once for every leaf with its whole gradient; if ``inputs`` (a
    set of edges) is given, once for each of these, leaf or not, and only what leads to them is computed. A
    gradient that is ``owned`` lies in memory that nobody else can see.
    """
    received = Received(Plain() if create_graph else current_execution()(), keeps=inputs is None)
    sums = received.sums
    for root, gradient in zip(roots, gradients):
        received.add(root, gradient, None)
    needed = None if inputs is None else _nodes_between([node_of(root) for root in roots], inputs)
    wanted = inputs or set()
    ends = {node_of(edge) for edge in wanted}
    recorded, retained = recording(), retaining.get()
    at_end: list = []
    outer = ending.set(at_end)
    try:  # Ctrl-C comes after a call: recording is switched after `try`, and first of all after `finally`
        switch.set(create_graph)
        retaining.set(retain_graph)
        for node, gradient in received.nodes():
            if node.hooks:
                gradient = _run_node_hooks(node, gradient)
            edges = node.edges
            if needed is not None:
                if node in ends:
                    _deliver_inputs(node, gradient, wanted, deliver)
                kept = [node_of(edge) in needed for edge in edges]
                if True not in kept:
                    continue
                if False in kept:
                    edges = tuple([edge if keep else None for edge, keep in zip(edges, kept)])
            results = node.op.backward(node, gradient, edges)
            for check in checks:
                check(node, edges, results)
            for edge, result in zip(edges, results):
                if edge is None or result is None:  # a user's function may answer None
                    continue
                if type(edge) is Node and edge not in sums:  # the most frequent case of `add`
                    sums[edge] = result
                    heappush(received.queue, (-edge.sequence, edge))
                else:
                    received.add(edge, result, (node, gradient, results))
            if not retain_graph and node.saved and type(node.saved) is tuple:  # not Reusable
                node.saved = None
        for leaf, gradient, owned in received.leaves():
            if inputs is None or leaf in inputs:
                if leaf.hooks:
                    gradient, owned = _run_hooks(leaf.hooks, gradient), False
                deliver(leaf, gradient, owned)
        for finish in at_end:
            finish()
    finally:
        switch.set(recorded)
        retaining.set(retained)
        ending.reset(outer)


class Received:
    """The sum of what each edge was sent so far, and the order of the nodes that wait for their turn."""

    __slots__ = ("execution", "found_leaves", "keeps", "queue", "sums")

    def __init__(self, execution: Plain, keeps: bool):
        self.execution = execution
        self.keeps = keeps  # whether leaves keep their gradient, if it is owned
        self.sums: dict = {}  # edge -> gradient
        self.found_leaves: list = []
        self.queue: list = []  # (-sequence number, node): the latest first

    def add(self, edge, gradient, source: Source) -> None:
        """An edge is sent ``gradient``, one of the results of ``source``."""
        sums = self.sums
        if edge in sums:
            sums[edge] = self.execution.add(edge, sums[edge], gradient, source)
            return
        sums[edge] = gradient
        if type(edge) is Node:
            heappush(self.queue, (-edge.sequence, edge))
        elif type(edge) is Output:
            node = edge.node
            if node not in sums:  # its first output that is sent one: the node, whose sum stays None, waits
                sums[node] = None
                heappush(self.queue, (-node.sequence, node))
        else:
            self.found_leaves.append(edge)
            if self.keeps:
                self.execution.reached_leaf(edge, gradient, source)

    def nodes(self) -> Iterable:
        """(node, its whole gradient), every node after all its users; a list of gradients for a node of
        several outputs, with None for those that were sent nothing."""
        queue, sums = self.queue, self.sums
        while queue:
            node = heappop(queue)[1]
            gradient = sums.pop(node)
            if node.outputs is not None:
                gradient = [sums.pop(Output(node, i), None) for i in range(len(node.outputs))]
            yield node, gradient
            del gradient  # else it would stay alive while the next node is derived

    def leaves(self) -> Iterable:
        """(leaf, its whole gradient, whether its memory is the pass's own)."""
        while self.found_leaves:
            leaf = self.found_leaves.pop()
            yield leaf, self.sums.pop(leaf), self.execution.owns(leaf)


def _nodes_between(roots: Sequence, inputs: set) -> set | None:
    """The nodes and leaves from which one of ``inputs`` is reached: the only ones whose gradient is worth
    computing. None where these are all: the inputs are all leaves that there are, and nothing else."""
    seen = set(roots)
    nodes = [root for root in seen if type(root) is Node]
    for node in nodes:  # grows meanwhile
        for edge in node.edges:
            child = edge.node if type(edge) is Output else edge
            if child not in seen and child is not None:
                seen.add(child)
                if type(child) is Node:
                    nodes.append(child)
    if inputs == seen.difference(nodes):
        return None
    needed = {node_of(edge) for edge in inputs}
    for node in sorted(nodes, key=lambda node: node.sequence):  # every node after those it was made from
        if any(node_of(edge) in needed for edge in node.edges if edge is not None):
            needed.add(node)
    return needed


def _deliver_inputs(node: Node, gradient, inputs: set, deliver: Callable) -> None:
    """Deliver the gradients of those results of ``node`` that are among ``inputs``."""
    outputs: list[tuple] = [(node, gradient)]
    if node.outputs is not None:
        outputs = [(Output(node, index), one) for index, one in enumerate(gradient)]
    for edge, one in outputs:
        if one is not None and edge in inputs:
            deliver(edge, one, False)


def _run_node_hooks(node: Node, gradient):
    hooks = node.hooks or {}
    if node.outputs is None:
        return _run_hooks(hooks.get(0, {}), gradient)
    return [g if g is None else _run_hooks(hooks.get(index, {}), g) for index, g in enumerate(gradient)]


def _run_hooks(hooks: dict[int, Callable], gradient):
    """The gradient, as each hook in turn leaves it or replaces it."""
    for hook in tuple(hooks.values()):
        replaced = hook(gradient)
        if replaced is not None:
            if not hasattr(replaced, "edge"):
                raise TypeError(
                    f"backward: expected a hook to return a tensor or None, found {type(replaced).__name__}"
                )
            if replaced.shape != gradient.shape or replaced.dtype != gradient.dtype:
                raise ShapeError(
                    f"backward: expected a hook to return a gradient of shape {gradient.shape} and "
                    f"{gradient.dtype}, found {replaced.shape} and {replaced.dtype}; let it return None to "
                    "change nothing"
                )
            gradient = replaced
    return gradient
