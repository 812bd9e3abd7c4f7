"""A call that returns differentiable tensors, recorded together with the backward pass from them.

The call is made as always. While its calls are still being noted, its graph is run backwards once, from
gradients that stand for those of the user, and kept: the calls before that are the forward program, those
after it the backward program. The copies of arguments that require grad stand at the edge of the graph, so
the user's own graph is not entered, and no ``.grad`` is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn_physics77.compile.capture import traced
from cnn_physics77.compile.recorded import (
    OptimizerBefore,
    Recording,
    TensorBefore,
    copy_of,
    give_changes,
    kept_tensor,
    problem_of,
)
from cnn_physics77.compile.schedule import overlap
from cnn_physics77.compile.seams import arrays_of, holders, note_modules, tapped
from cnn_physics77.compile.trace import EXTERNAL, INPUT, Operand, Trace, owner_of
from cnn_physics77.compile.tree import flatten, rebuild
from cnn_physics77.core import autograd
from cnn_physics77.core.autograd import LEAF, Node, Output, edge_to, sequence
from cnn_physics77.core.random import Generator
from cnn_physics77.core.random.generator import Position
from cnn_physics77.core.tensor import Tensor, from_array


@dataclass(eq=False)
class New:
    """A tensor that the call has made and returns.

    Attributes:
        place: where it lies; an array if it is empty.
        root: its number among those that can be differentiated; None if it cannot.
    """

    place: Operand | np.ndarray
    root: int | None


@dataclass(eq=False)
class Again:
    """The same as another result; a constant that shares its memory if it is detached."""

    index: int
    detached: bool


@dataclass(eq=False)
class JointRecording(Recording):
    """A recorded call and its recorded backward pass. ``outputs`` holds, for each tensor that is returned,
    the position of an argument, a tensor that was there before, a :class:`New` or an :class:`Again`.

    Attributes:
        boundary: the number of steps before the backward pass.
        tangents: what stands for the gradient of each root.
        sources: whose gradients are computed: positions of arguments, and leaves.
        gradients: where they lie; an array if it is empty.
        values: what they were.
        reached: for each source the roots that depend on it.
    """

    boundary: int = 0
    tangents: list[Operand | np.ndarray] = field(default_factory=list)
    sources: list[int | Tensor] = field(default_factory=list)
    gradients: list[Operand | np.ndarray] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    reached: list[frozenset[int]] = field(default_factory=list)


def call_and_record_both(function: Callable, description: Any, given: list[Tensor]) -> JointRecording:
    """Call the function as always, and note what it does and what its backward pass would do.

    Args:
        description, given: the arguments ``(args, kwargs)``, flattened.
    """
    before = holders()
    tensors, optimizers = TensorBefore.all_of(before), OptimizerBefore.all()
    trace = Trace(array for holder in before for array in arrays_of(holder))
    copies = {id(t): copy_of(t) for t in given if t.array.size}
    arguments = {key: copy.edge for key, copy in copies.items() if copy.edge is not None}
    buffers = {key: trace.add(owner_of(copy.array), INPUT) for key, copy in copies.items()}
    known = {id(state.tensor) for state in tensors} | {id(copy) for copy in copies.values()}
    start = sequence.next()

    with tapped(trace) as seen:
        args, kwargs = rebuild(description, [copies.get(id(t), t) for t in given])
        note_modules(seen, function, args)
        result = function(*args, **kwargs)
        del args, kwargs
        made = JointRecording(function, description, trace, seen, tensors=tensors, optimizers=optimizers)
        returned: list[Tensor] = []
        made.description = flatten(result, returned)
        positions = {id(copies.get(id(t), t)): index for index, t in enumerate(given)}
        made.boundary = len(trace.steps)
        made.problem = trace.problem or _describe(made, returned, positions, known)
        if not made.problem:
            graph = _Graph(returned, made.outputs, start, set(arguments.values()))
            made.problem = graph.problem
        if not made.problem:
            sources = {positions[id(c)]: c for c in copies.values() if c.edge in graph.reached}
            leaves = [t for t in graph.leaves if id(t) in known]
            _record_backward(made, graph, [*sources, *leaves], [*sources.values(), *leaves])

    first = {id(t): index for index, t in reversed(list(enumerate(given)))}
    made.inputs = [(first[key], buffer) for key, buffer in buffers.items()]
    for t in given:
        if id(t) in arguments:
            arguments[id(t)].edges = (edge_to(t),)
    give_changes(made, given, copies, arguments, trace.steps[: made.boundary])
    made.result = rebuild(
        made.description, [given[positions[id(t)]] if id(t) in positions else t for t in returned]
    )
    made.problem = made.problem or trace.problem or problem_of(made, returned, known | set(map(id, returned)))
    if not made.problem:
        kept = kept_tensor(trace, known | _alive(returned))
        if kept is not None:
            made.problem = f"it keeps a tensor of shape {tuple(kept.shape)} that it made in this call"
            made.passing = True
    return made


def _describe(
    made: JointRecording, returned: list[Tensor], positions: dict[int, int], known: set[int]
) -> str:
    """Describe the results; what is wrong with them, or ""."""
    if made.seen.slots or any(o.optimizer._steps_called != o.steps for o in made.optimizers):
        return "it calls an optimizer and returns a tensor that can still be differentiated"
    if any(state.tensor._grad is not state.grad for state in made.tensors):
        return "it calls backward and returns a tensor that can still be differentiated"
    first: dict[int, int] = {}
    places: list[tuple[int, Operand]] = []
    count = 0
    for index, t in enumerate(returned):
        if id(t) in positions or id(t) in known:
            made.outputs.append(positions.get(id(t), t))
            continue
        if id(t) in first:
            made.outputs.append(Again(first[id(t)], False))
            continue
        first[id(t)] = index
        place = made.trace.operand(t.array) if t.array.size else np.asarray(t.array)
        if isinstance(place, Operand):
            if place.buffer.kind in (INPUT, EXTERNAL):
                return "it returns a view of an argument, or of a tensor that was there before"
            same = [(i, at) for i, at in places if at.buffer is place.buffer]
            alike = [i for i, at in same if at == place and t.edge is None]
            if alike:
                made.outputs.append(Again(alike[0], True))
                continue
            if any(overlap(place, at) for _, at in same):
                return "it returns two tensors that share memory"
            places.append((index, place))
        made.outputs.append(New(place, None if t.edge is None else count))
        count += t.edge is not None
    return ""


# -------------------------------------------------------------------------------------------------- the graph


class _Graph:
    """What a backward pass from the results of a call would meet.

    Attributes:
        roots: the results that can be differentiated.
        leaves: the leaf tensors below them, in the order in which a backward pass meets them.
        reached: for each leaf, and each node of an argument, the numbers of the roots that lead to it.
        problem: why the graph cannot be recorded; "" if it can.
    """

    def __init__(self, returned: list[Tensor], outputs: list[Any], start: int, arguments: set[Node]) -> None:
        self.roots = [t for t, output in zip(returned, outputs) if type(output) is New and t.edge is not None]
        self.reached: dict[Any, set[int]] = {}
        self.problem = ""
        inner: set[Node] = set()
        for number, root in enumerate(self.roots):
            nodes, seen = [edge_to(root)], set()
            while nodes:
                edge = nodes.pop()
                node = edge.node if type(edge) is Output else edge
                if node is None or node in seen:
                    continue
                seen.add(node)
                if type(node) is not Node or node in arguments:
                    self.reached.setdefault(node, set()).add(number)
                else:
                    self.problem = self.problem or _problem_of_node(node, start)
                    inner.add(node)
                    nodes += node.edges
        order = sorted(inner, key=lambda node: -node.sequence)
        met = dict.fromkeys(edge for node in order for edge in node.edges)
        self.leaves: list[Tensor] = [edge for edge in met if isinstance(edge, Tensor)]

    def sources_of(self, tensor: Tensor) -> frozenset[int]:
        return frozenset(self.reached[edge_to(tensor)])


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


def _record_backward(
    made: JointRecording, graph: _Graph, sources: list[int | Tensor], tensors: list[Tensor]
) -> None:
    """Run the graph backwards, keep it, and note that alone: all else is as if it had not happened."""
    trace, roots = made.trace, graph.roots
    tangents = []
    for number, root in enumerate(roots):
        values = np.empty_like(np.asarray(root.array))
        values[...] = tangent(number, values.shape, values.dtype)
        if values.size:
            trace.add(values, INPUT)
        tangents.append(from_array(traced(values)))
        made.tangents.append(trace.operand(values) if values.size else values)
    if not tensors:
        return
    made.boundary = len(trace.steps)
    noticed = made.seen.generators = _Noticed(made.seen.generators)
    try:
        with without_hooks(graph.leaves), trace.undoing():
            gradients = autograd.grad(roots, tensors, tangents, retain_graph=True, allow_unused=True)
    except Exception as error:
        made.problem = f"its backward pass fails: {type(error).__name__}: {error}".rstrip(": ")
        return
    finally:
        for generator, position in noticed.positions.values():
            generator.go_to(position)
        for step in trace.steps[made.boundary :]:
            if getattr(step, "draws", False) or any(o.buffer.kind == EXTERNAL for o in step.writes):
                made.problem = "its backward pass draws random numbers, or changes memory of others"
    for source, tensor, gradient in zip(sources, tensors, gradients):
        if gradient is not None:
            array = np.asarray(gradient.array)
            made.sources.append(source)
            made.gradients.append(trace.operand(array) if array.size else array)
            made.values.append(np.array(array))
            made.reached.append(graph.sources_of(tensor))


@contextmanager
def without_hooks(leaves: Iterable[Tensor]) -> Iterator[None]:
    """Within, no hooks of these leaves run: they do when the gradient is delivered."""
    before = [(leaf, leaf.hooks) for leaf in leaves]
    for leaf, _ in before:
        leaf.hooks = None
    try:
        yield
    finally:
        for leaf, hooks in before:
            leaf.hooks = hooks


def _alive(tensors: list[Tensor]) -> set[int]:
    """The tensors that the graph of these, and what they are views of, keep alive."""
    found: dict[int, Any] = {}
    waiting: list[Any] = list(tensors)
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, (tuple, list)):
            waiting += thing
        elif isinstance(thing, dict):
            waiting += thing.values()
        elif isinstance(thing, Output):
            waiting.append(thing.node)
        elif isinstance(thing, (Tensor, Node)) and id(thing) not in found:
            found[id(thing)] = thing
            if isinstance(thing, Tensor):
                waiting += [thing._view_of, thing._grad, None if thing.edge is LEAF else thing.edge]
            else:
                waiting += [
                    thing.saved,
                    thing.edges,
                    getattr(getattr(thing.op, "ctx", None), "__dict__", None),
                ]
    return set(found)
