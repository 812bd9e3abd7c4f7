"""``torch.utils.checkpoint``: intermediate results are computed again in the backward pass instead of kept.

The function runs once, recorded. Its part of the graph is then replaced by one node, whose edges are those
that leave the part: to the arguments, and to everything else that the function used. So its results are
freed. The derivative of that node runs the function again and differentiates the graph that this makes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from cnn_physics77.core.autograd import LEAF, Node, Output, edge_to, node_of, record, sequence
from cnn_physics77.core.autograd.engine import run_backward
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.random import default_generator
from cnn_physics77.core.random.generator import Position
from cnn_physics77.core.recording import enable_grad, no_grad, recording
from cnn_physics77.core.tensor import Tensor, from_array


def _no_contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
    return nullcontext(), nullcontext()


def checkpoint(
    function: Callable,
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[AbstractContextManager, AbstractContextManager]] = _no_contexts,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, computed a second time in the backward pass instead of kept until then.

    Args:
        function: must compute the same both times.
        use_reentrant: not used: there is one implementation, with the results of PyTorch's
            ``use_reentrant=False``.
        context_fn: returns two contexts, for the first and the second computation.
        determinism_check: not used; numbers and shapes of the results are always compared.
        debug: not used.
        early_stop: not used; the whole function is computed again.
        preserve_rng_state: draw the same random numbers of the default generator both times.

    Returns:
        What the function returned; tensors in tuples, lists and dicts are found.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.utils.checkpoint import checkpoint
    >>> x = torch.ones(2, requires_grad=True)
    >>> checkpoint(lambda x: x.exp().log(), x, use_reentrant=False).sum().backward()
    >>> x.grad
    tensor([1., 1.])
    """
    first, second = context_fn()
    if not recording():
        with first:
            return function(*args, **kwargs)
    state = default_generator.position() if preserve_rng_state else None
    start = sequence.next()
    with first:
        result = function(*args, **kwargs)
    outputs = _made_after(start, result)
    if not outputs:
        return result
    edges = tuple(_Part(outputs, start).edges)
    kinds = [(y.shape, y.dtype) for y in outputs]
    node = record(_Recomputation(function, second, state), edges, (args, kwargs), kinds)
    replaced = {id(y): _with_edge(y, Output(node, i)) for i, y in enumerate(outputs)}
    return _mapped(result, lambda y: replaced.get(id(y), y))


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """The functions one after another, in ``segments`` parts, of which all except the last are checkpointed.

    Args:
        functions: a Sequential, or a list of functions of one argument.
        segments: the number of parts.
        input: the argument of the first function.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn
    >>> x = torch.ones(2, requires_grad=True)
    >>> checkpoint_sequential([torch.abs, torch.neg], 2, x, use_reentrant=False).detach()
    tensor([-1., -1.])
    """
    functions = list(functions)

    def part(start: int, end: int) -> Callable:
        def run(x: Any) -> Any:
            for function in functions[start:end]:
                x = function(x)
            return x

        return run

    size = len(functions) // segments
    last = size * (segments - 1)
    for start in range(0, last, size or 1):
        input = checkpoint(part(start, start + size), input, use_reentrant=use_reentrant, **kwargs)
    return part(last, len(functions))(input)


class _Recomputation:
    """The operation of the node that stands for one call of a function."""

    name = "checkpoint"

    def __init__(self, function: Callable, context: AbstractContextManager, state: Position | None) -> None:
        self.function = function
        self.context = context
        self.state = state

    def backward(self, node: Node, gradient: list, edges: tuple) -> list:
        self._check(node)
        args, kwargs = node.saved or ((), {})
        start, state = sequence.next(), default_generator.position()
        if self.state is not None:
            default_generator.go_to(self.state)
        try:
            with self.context, enable_grad():
                outputs = _made_after(start, self.function(*args, **kwargs))
        finally:
            if self.state is not None:
                default_generator.go_to(state)
        kinds = [(y.shape, y.dtype) for y in outputs]
        if kinds != node.outputs:
            raise GradientError(
                f"checkpoint: expected the function to compute the same again, {node.outputs}, found "
                f"{kinds}; it must not depend on anything that changed since"
            )
        pairs = [(y, g) for y, g in zip(outputs, gradient) if g is not None]
        return _Part(outputs, start).gradients([y for y, _ in pairs], [g for _, g in pairs], edges)

    @staticmethod
    def _check(node: Node) -> None:
        """Raise a GradientError if the arguments were freed, or a variable changed in place since."""
        if node.saved is None:
            raise GradientError(
                "checkpoint: trying to backward through the graph a second time, but the arguments were "
                "freed the first time; give retain_graph=True there"
            )
        args, kwargs = node.saved
        for tensor in _tensors([args, kwargs, list(node.edges)]):
            if tensor.changed_since(node.sequence):
                raise GradientError(
                    "checkpoint: one of the variables needed for gradient computation has been modified by "
                    f"an inplace operation: one of shape {tensor.shape}, at version {tensor._version}; "
                    "change a copy instead (.clone())"
                )


class _Part:
    """The part of the graph above ``outputs`` that was recorded after ``start``.

    Attributes:
        nodes: its nodes.
        edges: the edges that leave it, each once.
    """

    def __init__(self, outputs: list[Tensor], start: int) -> None:
        self.nodes: dict[Node, None] = {}
        self.edges: dict[Any, None] = {}
        waiting: list[Any] = [edge_to(y) for y in outputs]
        while waiting:
            edge = waiting.pop()
            node = node_of(edge)
            if not isinstance(node, Node) or node.sequence < start:
                self.edges[edge] = None
            elif node not in self.nodes:
                self.nodes[node] = None
                waiting += [e for e in node.edges if e is not None]

    def gradients(self, outputs: list[Tensor], gradients: list, wanted: tuple) -> list:
        """The gradients that leave the part by the edges ``wanted``; None where that is None.

        Meanwhile, nodes without hooks and edges stand for everything outside, so that the pass ends there.
        Their numbers say that they were made before all others.
        """
        outside = {edge: record(_Outside, ()) for edge in self.edges}
        for number, stand_in in enumerate(outside.values()):
            stand_in.sequence = -number
        found: dict = {}

        def deliver(edge: Any, gradient: Any, owned: bool) -> None:
            found[edge] = gradient

        before = {node: node.edges for node in self.nodes}
        try:
            for node, edges in before.items():
                node.edges = tuple(outside.get(edge, edge) for edge in edges)
            inputs = {outside[edge] for edge in wanted if edge in outside}
            roots = [edge_to(y) for y in outputs]
            run_backward(roots, gradients, deliver, inputs, recording(), recording())
        finally:
            for node, edges in before.items():
                node.edges = edges
        return [found.get(outside.get(edge)) for edge in wanted]


class _Outside:
    name = "outside"


def get_device_states(*args: Any) -> tuple[list, list]:
    """The devices other than the CPU on which the tensors are, and the states of their generators: none."""
    return [], []


def set_device_states(devices: Any, states: Any, *, device_type: str | None = None) -> None:
    """Nothing: there is no device with a generator."""


def _tensors(tree: Any) -> list[Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    found: list[Tensor] = []
    _mapped(tree, found.append)
    return found


def _made_after(start: int, tree: Any) -> list[Tensor]:
    """Those tensors, each once, that are results of operations recorded after ``start``."""
    unique = {id(t): t for t in _tensors(tree) if t.edge is not None and t.edge is not LEAF}
    return [t for t in unique.values() if node_of(t.edge).sequence > start]


def _mapped(tree: Any, function: Callable[[Tensor], Any]) -> Any:
    """The tree with the function's value for each tensor."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return type(tree)((key, _mapped(value, function)) for key, value in tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(_mapped(value, function) for value in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(_mapped(value, function) for value in tree)
    return tree


def _with_edge(tensor: Tensor, edge: Output) -> Tensor:
    """The values of a tensor with another history."""
    with no_grad():
        made = from_array((tensor if tensor._view_of is None else tensor.clone()).array)
    made.edge = edge
    return made


__all__ = ["checkpoint", "checkpoint_sequential", "get_device_states", "set_device_states"]
