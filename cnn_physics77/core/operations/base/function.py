"""User-defined operations with a forward and a backward, like PyTorch's ``autograd.Function``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any
from weakref import ref

import numpy as np

from cnn_physics77.core.autograd import Node, Output, edge_to, record
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import cast, sum_to
from cnn_physics77.core.operations.base.operation import alias, overridden, overrides
from cnn_physics77.core.operations.base.views import (
    HANDED_THROUGH,
    base_of,
    check_inplace,
    has_history,
    rebase_history,
    remember,
)
from cnn_physics77.core.recording import no_grad, recording
from cnn_physics77.core.tensor import Tensor, from_array

_new = object.__new__


class FunctionCtx:
    """The context that forward passes to backward. Values that are not tensors may be set as attributes.

    Attributes:
        needs_input_grad: for each argument of ``apply``, whether its gradient is needed.
    """

    needs_input_grad: tuple[bool, ...] = ()
    _to_save: tuple = ()
    _node: ref[Node] | None = None  # a strong one would be a cycle: node -> call -> context -> node
    _dirty: tuple = ()
    _constant: tuple = ()
    _materialize = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Save inputs, outputs or intermediate results (or None) for backward. Call it at most once."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                raise DtypeError(
                    "save_for_backward: can only save variables, but argument is of type "
                    f"{type(tensor).__name__}; set it as an attribute of ctx"
                )
        self._to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Accepted as PyTorch's. Forward-mode derivatives are found by ``backward``, so nothing is saved."""

    @property
    def saved_tensors(self) -> tuple:
        """The tensors that :meth:`save_for_backward` saved.

        Raises:
            GradientError: the graph was freed, or one of them was changed in place since.
        """
        if self._node is None:  # forward has not ended
            return self._to_save
        node = self._node()
        if node is None:
            raise GradientError("saved_tensors: expected a graph that is alive, found that it was freed")
        return node.op.unpack(node)

    def mark_dirty(self, *args: Tensor) -> None:
        """Name the inputs that forward changed in place. They must be among the outputs."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Name the outputs that are constants. Outputs of integers always are."""
        self._constant = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None as the gradient of an unused output."""
        self._materialize = value


class Function:
    """Base class of operations with a user-defined derivative. Subclass it, and call ``apply``.

    ``forward(ctx, *args)`` computes the outputs without recording. Alternatively ``forward(*args)`` does, and
    ``setup_context(ctx, inputs, output)`` saves what backward needs. ``backward(ctx, *gradients)`` gets
    :math:`\\partial L/\\partial y` for each output, and returns :math:`\\partial L/\\partial x` for each
    argument of ``apply``, or None where there is none. A backward that consists of operations can itself be
    differentiated.

    >>> import cnn_physics77 as torch
    >>> class Cube(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x * x * g
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> first, = torch.autograd.grad(Cube.apply(x), x, create_graph=True)
    >>> second, = torch.autograd.grad(first, x)
    >>> first.item(), second.item()
    (12.0, 12.0)
    """

    def __init__(self, *args, **kwargs):
        raise GradientError(
            f"{type(self).__name__}: a Function cannot be instantiated; call {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The outputs: a tensor, or a tuple."""
        raise GradientError("Function: expected a subclass with a static method forward, found none")

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple, output: Any) -> None:
        """Save what backward needs, if forward does not take ``ctx``."""

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments."""
        raise GradientError(
            "Function: expected a subclass with a static method backward (or vjp), found none; it is needed "
            "here"
        )

    vjp = backward

    @classmethod
    def apply(cls, *args, **kwargs):
        """Compute the outputs, and record the call if a positional argument requires grad.

        If there is a ``setup_context``, its inputs are all arguments of forward, with the defaults of those
        that were not given.
        """
        ctx = FunctionCtx()
        if cls.setup_context is not Function.setup_context:
            bound = signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        recorded = recording() and any(isinstance(a, Tensor) and a.edge is not None for a in args)
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.edge is not None for a in args)
        edges = tuple(edge_to(a) if isinstance(a, Tensor) else None for a in args)
        run: Callable = partial(_run, **kwargs)
        run = overridden(cls, args, run) if overrides else run
        with no_grad():
            result = run(cls, ctx, args)
        several = isinstance(result, tuple)
        outputs = list(result) if several else [result]
        for tensor in ctx._dirty:
            if not any(tensor is y for y in outputs):
                raise GradientError(
                    f"{cls.__name__}: a tensor marked dirty must be returned by forward, found one that is "
                    "not"
                )
            if recorded or (recording() and has_history(tensor)):
                check_inplace(cls.__name__, tensor)
            tensor.mark_changed()
        if recorded:
            _record(cls, ctx, args, edges, outputs, several)
        else:  # an input that forward returned is another tensor than the output, as when it is recorded
            outputs = [
                y.view_of_memory(y.array)
                if isinstance(y, Tensor) and _contains(args, y) and not _contains(ctx._dirty, y)
                else y
                for y in outputs
            ]
        return tuple(outputs) if several else outputs[0]


def _run(cls: type[Function], ctx: FunctionCtx, args: tuple, **kwargs) -> Any:
    """The result of the forward."""
    if cls.setup_context is Function.setup_context:
        return cls.forward(ctx, *args, **kwargs)
    result = cls.forward(*args, **kwargs)
    cls.setup_context(ctx, args, result)
    return result


def _contains(tensors, tensor) -> bool:
    return any(tensor is t for t in tensors)


def _record(cls, ctx: FunctionCtx, args: tuple, edges: tuple, outputs: list, several: bool) -> None:
    call = _Call(cls, ctx, args)
    saved = []
    places = {}
    for index, tensor in enumerate(ctx._to_save):
        for place, y in enumerate(outputs):
            if tensor is not None and tensor is y:
                places[index] = place
                tensor = alias(tensor)  # without its history, which would be a reference cycle
                break
        saved.append(tensor)
    call.places = places
    ctx._to_save = ()
    kinds = [(y.shape, y.dtype) if isinstance(y, Tensor) else None for y in outputs]
    node = record(call, edges, tuple(saved), kinds if several else None)
    ctx._node = ref(node)
    for index, y in enumerate(outputs):
        if not isinstance(y, Tensor) or y.array.dtype.kind not in "fc" or _contains(ctx._constant, y):
            continue
        edge = Output(node, index) if several else node
        if _contains(ctx._dirty, y):
            rebase_history(y, edge)
            continue
        if y.edge is not None or _contains(args, y):  # forward returned an input: the output is a new tensor
            through = y
            y = outputs[index] = y.view_of_memory(y.array)
            remember(y, through, HANDED_THROUGH)
        elif y._view_of is not None:
            remember(y, base_of(y), HANDED_THROUGH)
        y.edge = edge
    ctx._dirty = ctx._constant = ()


class _Call:
    """One call of a Function; it is the operation of a node."""

    __slots__ = ("ctx", "function", "inputs", "places")

    def __init__(self, function: type[Function], ctx: FunctionCtx, args: tuple):
        self.function = function
        self.ctx = ctx
        self.inputs = [(a.shape, a.dtype) if isinstance(a, Tensor) else None for a in args]
        self.places: dict = {}

    @property
    def name(self) -> str:
        return self.function.__name__

    def backward(self, node: Node, gradient, edges: tuple) -> list:
        ctx, function = self.ctx, self.function
        gradients = list(gradient) if node.outputs is not None else [gradient]
        if node.outputs is not None and ctx._materialize:
            gradients = [
                from_array(np.zeros(*like)) if g is None and like is not None else g
                for g, like in zip(gradients, node.outputs)
            ]
        backward: Callable = function.backward if function.backward is not Function.backward else function.vjp
        if getattr(backward, "once_differentiable", False) and recording():
            with no_grad():
                results = _as_list(backward(ctx, *gradients))
            results = [_once_only(self.name, node, r) if isinstance(r, Tensor) else r for r in results]
        else:
            results = _as_list(backward(ctx, *gradients))
        while len(results) > len(edges) and results[-1] is None:
            results.pop()
        if len(results) != len(edges):
            raise GradientError(
                f"{self.name}: backward returned an incorrect number of gradients (expected {len(edges)}, "
                f"one for each argument of forward, got {len(results)})"
            )
        return [
            None if edge is None or result is None else self._fitted(index, result)
            for index, (edge, result) in enumerate(zip(edges, results))
        ]

    def unpack(self, node: Node) -> tuple:
        """What forward saved; its own outputs connected to the graph."""
        if node.saved is None:
            raise GradientError(
                f"{self.name}: trying to backward through the graph a second time, but the saved tensors "
                "were freed the first time; give retain_graph=True there"
            )
        saved = list(node.saved)
        for index, tensor in enumerate(saved):
            if tensor is not None and tensor.changed_since(node.sequence):
                raise GradientError(
                    f"{self.name}: one of the variables needed for gradient computation has been modified by "
                    f"an inplace operation: saved tensor {index}, of shape {tensor.array.shape}, at version "
                    f"{tensor._version}; change a copy instead (.clone())"
                )
            if index in self.places:
                output = alias(tensor)
                output.edge = node if node.outputs is None else Output(node, self.places[index])
                saved[index] = output
        return tuple(saved)

    def _fitted(self, index: int, result) -> Tensor:
        """The gradient in the shape and dtype of its input."""
        if not isinstance(result, Tensor):
            raise DtypeError(
                f"{self.name}: expected backward to return tensors or None, found {type(result).__name__} at "
                f"index {index}"
            )
        shape, dtype = self.inputs[index]  # type: ignore[misc]  # an input with an edge is a tensor
        if result.array.shape != shape:
            try:
                fits = np.broadcast_shapes(result.array.shape, shape) == result.array.shape
            except ValueError:
                fits = False
            if not fits:
                raise ShapeError(
                    f"{self.name}: backward returned an invalid gradient at index {index} - got "
                    f"{result.array.shape} but expected shape compatible with {shape}"
                )
            result = sum_to(result, shape)
        return result if result.array.dtype == dtype else cast(result, dtype=dtype)


def _as_list(results) -> list:
    return list(results) if isinstance(results, (tuple, list)) else [results]


def once_differentiable(fn: Callable) -> Callable:
    """Decorator for a ``backward`` that does not consist of operations. It runs without recording, and its
    results cannot be differentiated.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.autograd.function import once_differentiable
    >>> class Identity(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x.clone()
    ...
    ...     @staticmethod
    ...     @once_differentiable
    ...     def backward(ctx, g):
    ...         return g
    >>> x = torch.ones(1, requires_grad=True)
    >>> torch.autograd.grad(Identity.apply(x), x)
    (tensor([1.]),)
    """
    fn.once_differentiable = True  # type: ignore[attr-defined]
    return fn


class _Once:
    def __init__(self, name: str):
        self.name = name

    def backward(self, node, gradient, edges):
        raise GradientError(
            f"{self.name}: trying to differentiate twice a function that was marked with @once_differentiable"
        )


def _once_only(name: str, node: Node, result: Tensor) -> Tensor:
    """The result, with a node that raises an error when it is differentiated."""
    made = from_array(result.array)
    made.edge = record(_Once(name), node.edges)
    return made
