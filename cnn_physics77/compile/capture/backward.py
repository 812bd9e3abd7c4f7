"""The backward pass from the results of a recorded call, recorded with it.

While the calls are still being noted, the graph of the results is run backwards once, from gradients that
stand for those of the user, and kept. The copies of arguments that require grad stand at the edge of the
graph, so the user's own graph is not entered, and no ``.grad`` is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

from cnn_physics77.compile.capture.seams import Seen
from cnn_physics77.compile.capture.trace import EXTERNAL, INPUT, Operand, Trace
from cnn_physics77.compile.capture.traced import traced
from cnn_physics77.compile.interrupts import unwind_protect
from cnn_physics77.core import autograd
from cnn_physics77.core.autograd import Node, Output, edge_to
from cnn_physics77.core.random import Generator
from cnn_physics77.core.random.generator import Position
from cnn_physics77.core.tensor import Tensor, from_array

T = TypeVar("T")


@dataclass(eq=False)
class Backward:
    """What a backward pass is given, and gives.

    Attributes:
        tangents: what stands for the gradient of each root, a result that can be differentiated; an array if
            it is empty, here and in ``gradients``.
        sources: whose gradients are computed: positions of arguments, and leaves.
        gradients: where they lie.
        values: what they were.
        reached: for each source the numbers of the roots that depend on it.
    """

    tangents: list[Operand | np.ndarray] = field(default_factory=list)
    sources: list[int | Tensor] = field(default_factory=list)
    gradients: list[Operand | np.ndarray] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    reached: list[set[int]] = field(default_factory=list)


def record_backward(
    trace: Trace,
    seen: Seen,
    roots: list[Tensor],
    arguments: dict[Node, tuple[int, Tensor]],
    known: set[int],
    start: int,
) -> tuple[Backward, str]:
    """Run the graph backwards, keep it, and note that alone: all else is as if it had not happened.

    Args:
        arguments: the position and the copy of each argument that requires grad, by the node of the copy.
        known: the tensors that there were before the call.
        start: the number of the first node of the call.

    Returns:
        What the pass gives, and why it cannot be recorded; "" if it can.
    """
    made = Backward()
    reached, leaves, problem = _graph_of(roots, arguments, start)
    if problem:
        return made, problem
    sources: list[tuple[int | Tensor, Tensor]] = [
        one for node, one in arguments.items() if node in reached and one[1].edge is node
    ]
    sources += [(leaf, leaf) for leaf in leaves if id(leaf) in known]
    tangents = []
    for number, root in enumerate(roots):
        values = np.empty_like(np.asarray(root.array))
        values[...] = tangent(number, values.shape, values.dtype)
        if values.size:
            trace.add(values, INPUT)
        tangents.append(from_array(traced(values)))
        made.tangents.append(trace.operand(values) if values.size else values)
    if not sources:
        return made, ""
    begun = len(trace.steps)
    noticed = seen.generators = _Noticed(seen.generators)
    tensors = [tensor for _, tensor in sources]
    differentiate = partial(autograd.grad, roots, tensors, tangents, retain_graph=True, allow_unused=True)
    try:
        gradients = unwind_protect(
            lambda: without_hooks(leaves, partial(trace.undoing, differentiate)), noticed.go_back
        )
    except Exception as error:
        return made, f"its backward pass fails: {type(error).__name__}: {error}".rstrip(": ")
    for step in trace.steps[begun:]:
        if getattr(step, "draws", False) or any(o.buffer.kind == EXTERNAL for o in step.writes):
            return made, "its backward pass draws random numbers, or changes memory of others"
    for (source, tensor), gradient in zip(sources, gradients):
        if gradient is not None:
            array = np.asarray(gradient.array)
            made.sources.append(source)
            made.gradients.append(trace.operand(array) if array.size else array)
            made.values.append(np.array(array))
            made.reached.append(reached[edge_to(tensor)])
    return made, ""


def _graph_of(
    roots: list[Tensor], arguments: dict[Node, Any], start: int
) -> tuple[dict[Any, set[int]], list[Tensor], str]:
    """What a backward pass would meet: for each leaf, and each node of an argument, the numbers of the roots
    that lead to it; the leaves in the order in which it meets them; why it cannot be recorded, or ""."""
    reached: dict[Any, set[int]] = {}
    inner: dict[Node, None] = {}
    for number, root in enumerate(roots):
        nodes, seen = [edge_to(root)], set()
        while nodes:
            edge = nodes.pop()
            node = edge.node if type(edge) is Output else edge
            if node is None or node in seen:
                continue
            seen.add(node)
            if type(node) is not Node or node in arguments:
                reached.setdefault(node, set()).add(number)
            else:
                inner[node] = None
                nodes += node.edges
    order = sorted(inner, key=lambda node: -node.sequence)
    met = dict.fromkeys(edge for node in order for edge in node.edges)
    problem = next((problem for node in inner if (problem := _problem_of_node(node, start))), "")
    return reached, [edge for edge in met if isinstance(edge, Tensor)], problem


def _problem_of_node(node: Node, start: int) -> str:
    if node.sequence < start:
        return "it uses a tensor that has a history and is no argument; pass it as an argument"
    if node.saved is None:
        return "it calls backward and returns a tensor of the same graph"
    if node.hooks and any(node.hooks.values()):
        return f"there is a backward hook on the result of {node.op.name}"
    return ""


def tangent(number: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The numbers that stand for the gradient of root ``number`` in a capture and its proof."""
    numbers = np.random.default_rng(67 + number)
    values = numbers.standard_normal(shape)
    if dtype.kind == "c":
        values = values + 1j * numbers.standard_normal(shape)
    return np.asarray(values).astype(dtype)


class _Noticed(dict):
    """The generators that take part, and where each was when it first took part."""

    def __init__(self, generators: dict[int, Generator]) -> None:
        super().__init__(generators)
        self.positions: dict[int, tuple[Generator, Position]] = {}

    def __setitem__(self, key: int, generator: Generator) -> None:
        self.positions.setdefault(key, (generator, generator.position()))
        super().__setitem__(key, generator)

    def go_back(self) -> None:
        """Let the generators be where they were."""
        for generator, position in self.positions.values():
            generator.go_to(position)


def without_hooks(leaves: Iterable[Tensor], function: Callable[[], T]) -> T:
    """``function()``, without hooks of these leaves: they run when the gradient is delivered."""
    before = [(leaf, leaf.hooks) for leaf in leaves]

    def run() -> T:
        for leaf, _ in before:
            leaf.hooks = None
        return function()

    def restore() -> None:
        for leaf, hooks in before:
            leaf.hooks = hooks

    return unwind_protect(run, restore)
