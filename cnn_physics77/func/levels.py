"""A level: one running call of a transform, and the variables by which it differentiates.

``grad(f)(x)`` differentiates by x alone: neither by what f finds in its surroundings, nor by what x was
computed from. So it calls f with another tensor in the place of x: one of the same values, whose edge is a
node of this level. The gradient is asked for at that node.

Transforms nest, and also work inside ordinary ``backward()``: behind the node goes the edge of x itself. A
result is part of the graph outside if it depends on anything outside: on a leaf, or on a variable of another
level that still runs. All other results are constants, and their graph is freed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnn_physics77.core.autograd import Node, edge_to, grad, node_of, record
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.recording import enable_grad, recording
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.func.batched import Batched
from cnn_physics77.utils._pytree import tree_flatten, tree_map_only, tree_unflatten


class Level:
    """A context. It is also the operation of the nodes of its variables: the identity.

    Attributes:
        transform: the name of the transform, for errors.
    """

    name = "variable"
    pure = True

    def __init__(self, transform: str) -> None:
        self.transform = transform

    def __enter__(self) -> Level:
        self._outside = recording()  # whether results may become part of the graph outside
        self._running = True
        self._inside = enable_grad()
        self._inside.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._inside.__exit__(*exception)
        self._running = False

    def backward(self, node: Node, gradient: Tensor, edges: tuple) -> tuple:
        return (gradient,)

    def variables(self, tree: Any) -> tuple[Any, list[Tensor]]:
        """The tree with a variable of this level for each tensor; and tensors at the same places of the
        graph, by which to differentiate, as a change in place moves a variable to another place.

        Raises:
            ValueError: a leaf is no tensor.
            DtypeError: a tensor is neither floating nor complex.
        """
        leaves, spec = tree_flatten(tree)
        made, places = [], []
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                raise ValueError(
                    f"{self.transform}: expected tensors to differentiate by, found {type(leaf).__name__}; "
                    "use torch.tensor() first, or argnums for the arguments that are tensors"
                )
            if leaf.array.dtype.kind not in "fc":
                raise DtypeError(
                    f"{self.transform}: only tensors of floating point and complex dtype can require "
                    f"gradients, found {leaf.dtype}; convert it, e.g. with .double()"
                )
            variable = leaf.view_of_memory(leaf.array)
            variable.edge = record(self, (edge_to(leaf),))
            made.append(variable)
            places.append(from_array(leaf.array))
            places[-1].edge = variable.edge
        return tree_unflatten(made, spec), places

    def gradients(
        self, ys: Sequence[Tensor], xs: Sequence[Tensor], vs: Sequence[Tensor], record_all: bool = False
    ) -> list[Tensor]:
        """The sum over the outputs y of the products :math:`v^T \\partial y/\\partial x`, for each variable
        x; zeros where nothing depends on it.

        They are recorded if anything outside depends on them, or with ``record_all``.
        """
        pairs = [(y, v) for y, v in zip(ys, vs) if y.edge is not None]
        if not pairs:
            return [from_array(np.zeros(x.shape, x.array.dtype)) for x in xs]
        ys, vs = zip(*pairs)
        keep = record_all or self.reaches_outside((*ys, *vs))
        found = grad(ys, xs, vs, retain_graph=True, create_graph=keep, materialize_grads=True)
        return list(found)

    def pushforward(self, ys: Sequence[Tensor], xs: Sequence[Tensor]) -> Callable:
        """The function :math:`v \\mapsto J v` of lists of tensors.

        :math:`u \\mapsto u^T J` is linear: its derivative along v is :math:`J v`.
        """
        differentiable = [y for y in ys if y.array.dtype.kind in "fc"]
        _, us = self.variables([from_array(np.zeros_like(y.array)) for y in differentiable])
        pulled = self.gradients(differentiable, xs, us, record_all=True)

        def push(vs: Sequence[Tensor], call: Level = self) -> list[Tensor]:
            found = iter(call.gradients(pulled, us, vs))
            return [
                next(found) if y.array.dtype.kind in "fc" else from_array(np.zeros_like(y.array)) for y in ys
            ]

        return push

    def influences(self, tensor: Tensor) -> bool:
        """Whether the tensor depends on a variable of this level."""
        waiting: list[Any] = [tensor.grad_fn]
        seen: set = set()
        while waiting:
            node = node_of(waiting.pop())
            if not isinstance(node, Node) or node in seen:
                continue
            if node.op is self:
                return True
            seen.add(node)
            waiting += node.edges
        return False

    def reaches_outside(self, tensors: Sequence[Tensor]) -> bool:
        """Whether one of the tensors depends on a variable outside, and may be differentiated there."""
        if not self._outside:
            return False
        waiting: list[Any] = [edge_to(tensor) for tensor in tensors]
        for tensor in tensors:
            while isinstance(
                tensor.array, Batched
            ):  # what is outside of a vmap is in the graph of its values
                tensor = tensor.array.value
                waiting.append(edge_to(tensor))
        seen: set = set()
        while waiting:
            node = node_of(waiting.pop())
            if node is None or node in seen:
                continue
            seen.add(node)
            if not isinstance(node, Node):
                return True  # a leaf
            if isinstance(node.op, Level) and node.op is not self and node.op._running:
                return True
            waiting += node.edges
        return False

    def results(self, tree: Any) -> Any:
        """The tree as the caller gets it: what does not depend on anything outside becomes a constant."""

        def closed(tensor: Tensor) -> Tensor:
            constant = tensor.edge is None and not isinstance(tensor.array, Batched)
            return tensor if constant or self.reaches_outside((tensor,)) else tensor.detach()

        return tree_map_only(Tensor, closed, tree)


def output_of(transform: str, has_aux: bool, output: Any) -> tuple[Any, Any]:
    """(output, auxiliary output) of a function.

    Raises:
        RuntimeError: with ``has_aux`` it returns something else than a pair.
    """
    if not has_aux:
        return output, None
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(
            f"{transform}: output of function f should be a tuple: (output, aux) if has_aux is True, found "
            f"{type(output).__name__}"
        )
    return output


def tensors_of(transform: str, output: Any) -> tuple[list[Tensor], Any]:
    """The tensors that a function returned, and the structure.

    Raises:
        RuntimeError: one of the leaves is no tensor.
    """
    leaves, spec = tree_flatten(output)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(
                f"{transform}: expected the function to return only tensors, got unsupported type "
                f"{type(leaf).__name__}; return (output, aux) with has_aux=True for other values"
            )
    return leaves, spec


def chosen(transform: str, argnums: Any, args: tuple) -> tuple[Any, Callable[[Any], tuple]]:
    """The arguments by which to differentiate, and the function that puts others into their places.

    Raises:
        RuntimeError: ``argnums`` does not name arguments that are there, each once.
    """
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    if not numbers:
        raise RuntimeError(f"{transform}: argnums must be non-empty, found ()")
    places = []
    for number in numbers:
        if not isinstance(number, int):
            raise RuntimeError(
                f"{transform}: argnums must be int or a tuple of int, found {type(number).__name__}"
            )
        if not -len(args) <= number < len(args):
            raise RuntimeError(f"{transform}: got argnum={number}, but only {len(args)} positional inputs")
        places.append(number % len(args))
    if len(set(places)) < len(places):
        raise RuntimeError(f"{transform}: argnums elements must be unique, found {numbers}")

    def replaced(values: Any) -> tuple:
        made = list(args)
        for place, value in zip(places, values if isinstance(argnums, tuple) else (values,)):
            made[place] = value
        return tuple(made)

    return (tuple(args[p] for p in places) if isinstance(argnums, tuple) else args[places[0]]), replaced
