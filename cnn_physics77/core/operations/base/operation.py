"""How a differentiable operation is declared: a formula and its derivative, next to each other.

An elementwise operation is one line (see :mod:`.base.elementwise`)::

    exp = unary("exp", np.exp, "eˣ", x=lambda g, y: g * conj(y))

Any other is a function of arrays, its *forward*, and one function of tensors for each differentiable input::

    @operation
    def _sum(x, *, dim, keepdim):       # arrays in, array out; parameters after the star
        return x.sum(axis=dim, keepdims=keepdim)

    @_sum.derivative("x")
    def _(g, x_shape, dim, keepdim):    # g = ∂L/∂y; returns ∂L/∂x
        return expand(g if keepdim else unsqueeze(g, dim), x_shape)

The parameter names of a derivative say what it requires. The node saves only what the needed derivatives
require:

- ``g``, always first: the gradient of the output. If the forward returns a list of outputs, it is a tuple,
  with zeros for those that were sent none; a joint derivative gets None for them if it calls it ``gs``;
- the name of an input: that input; ``<input>_shape``, ``<input>_dtype``: its shape or dtype only;
- ``y``: the output; ``ys``: the tuple of them if the forward returns a list of outputs;
- a name given in ``extras``: that auxiliary output; the forward then returns ``(output, *extras)``;
- the name of a parameter: its value.

Where the derivatives share work, one function gives them all (:meth:`Operation.joint_derivative`). An
operation with any number of inputs (``*xs``) has one, too. It may require ``xs``, ``xs_shape`` and
``xs_dtype``, which are tuples.

A derivative consists of operations only, so it can be recorded and differentiated itself. With recording off,
as in an ordinary ``backward()``, the same formula goes straight to the kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from cnn_physics77.core.autograd import Node, Output, Reusable, edge_to, record, sequence, titled
from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.backend.fp_errors import SILENCE, enter_silence, restore, state
from cnn_physics77.core.errors import DtypeError, GradientError
from cnn_physics77.core.kernels.runtime.layout import is_view
from cnn_physics77.core.operations.base.names import PYTORCHS
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array, tensor

OPERATIONS: dict[str, Operation] = {}
"""Every differentiable operation by name."""

overrides: list[Callable[[Any, Sequence, Callable], Callable]] = []
"""Functions ``(operation, tensors, forward) -> forward``, of which the last says what computes an operation,
or a Function, of these tensors. There are none, but while a transform such as ``vmap`` runs, in any
thread."""


def overridden(operation: Any, tensors: Sequence, forward: Callable) -> Callable:
    """What computes the operation while there are ``overrides``; ``forward`` where they leave it."""
    for override in overrides[-1:]:
        return override(operation, tensors, forward)
    return forward


VARARGS = 0x04  # of `code.co_flags`: the function has a parameter *xs (`inspect.CO_VARARGS`)

_new = object.__new__


class Operation:
    """A forward function of arrays, and its derivatives.

    Attributes:
        name: as ``tensor.op`` shows it.
        title: PyTorch's name of its derivative.
        forward: the function of arrays that every call runs; a profiler or a capture may replace it.
        forward_shared: the forward of an elementwise operation for large arrays, on several threads.
        elementwise: the function of tensors that :mod:`.base.elementwise` made; None for another operation.
        pure: the derivatives depend on their arguments only, and nothing else keeps what they return.
        inputs: the names of the tensor inputs, in order.
        signature: the names of all that a derivative may require, in the order of ``node.saved``.
    """

    pure = True
    elementwise: Callable | None = None

    def __init__(self, forward: Callable, name: str = "", extras: Sequence[str] = (), view: bool = False):
        self.inputs, self.variadic, parameters = _parameters(forward)
        self.forward = forward
        self.forward_shared = forward
        self.name = name or forward.__name__.strip("_")
        self.title = f"{PYTORCHS[self.name]}Backward0" if self.name in PYTORCHS else titled(self.name)
        self.extras = tuple(extras)
        self.view = view
        if "y" in self.inputs:
            raise ValueError(
                f"operation {self.name}: expected no input named 'y', the name of the output in derivatives, "
                f"found {self.inputs}; rename the input"
            )
        shapes = tuple(f"{n}_shape" for n in self.inputs)
        dtypes = tuple(f"{n}_dtype" for n in self.inputs)
        self.signature = (*self.inputs, "y", *self.extras, *shapes, *dtypes, *parameters, "ys")
        self._first_parameter = len(self.signature) - len(parameters) - 1
        # for each input: what its derivative requires, as places in the signature, and (g, saved) -> gradient
        self._required: list[tuple[int, ...]] = [()] * len(self.inputs)
        self._calls: list[Callable | None] = [None] * len(self.inputs)
        self._pair: Callable | None = None
        self._joint: tuple[Callable, tuple[int, ...]] | None = None
        self._zeros = True  # whether an output that was sent no gradient has zeros for it, not None
        # by which inputs need a gradient: what is saved, and how
        self._saved_for: dict[tuple, tuple] = {}
        self._plans: dict[tuple, tuple[list[tuple[int, Callable]], bool]] = {}
        if self.name in OPERATIONS:
            raise ValueError(f"operation {self.name!r} is declared twice")
        OPERATIONS[self.name] = self
        self.__doc__ = forward.__doc__

    def derivative(self, *inputs: str) -> Callable:
        """Decorator: the function returns :math:`\\partial L/\\partial x` for each of the named inputs x."""

        def declare(function):
            for name in inputs:
                self.declare(name, function)
            return function

        return declare

    def declare(self, name: str, function: Callable) -> None:
        """Set the derivative with respect to the input ``name``."""
        index = self.inputs.index(name)
        positions = self._positions(_required(function)[1:])
        self._required[index] = positions
        self._calls[index] = _caller(function, positions)

    def pair_derivative(self, function: Callable) -> Callable:
        """Decorator: ``function(g, ...)`` returns the gradients of the first two inputs, if both are wanted.
        It needs no more than their own derivatives do. Only these are recorded, so that each gradient depends
        on nothing else than what it is computed from."""
        self._pair = _caller(function, self._positions(_required(function)[1:]))
        return function

    def joint_derivative(self, function: Callable) -> Callable:
        """Decorator: ``function(g, needed, ...)`` returns a sequence with a gradient for every input.
        ``needed`` has a bool for each input; where it is False, any value will do."""
        gradient, _, *required = _required(function)
        self._joint = (function, self._positions(tuple(required)))
        self._zeros = gradient != "gs"
        return function

    def _positions(self, required: tuple[str, ...]) -> tuple[int, ...]:
        unknown = set(required) - set(self.signature)
        if unknown:
            raise ValueError(
                f"operation {self.name}: expected a derivative whose parameters are among {self.signature}, "
                f"found {sorted(unknown)}; rename them"
            )
        return tuple(self.signature.index(name) for name in required)

    # ---------------------------------------------------------------------------------- forward

    def __call__(self, *tensors: Tensor | None, **parameters):
        """Compute the outputs, and record the call if an input requires grad.

        The inputs are tensors of the dtypes and shapes that the forward expects, or None.
        """
        arrays = [None if t is None else t.array for t in tensors]
        forward = overridden(self, tensors, self.forward) if overrides else self.forward
        before = state()
        try:
            if before is not SILENCE:
                enter_silence()
            result = forward(*arrays, **parameters)
        finally:
            if before is not SILENCE:
                restore(before)
        extras: tuple = ()
        if type(result) is tuple:
            result, *rest = result
            extras = tuple([None if a is None else from_array(a) for a in rest])
        several = type(result) is list
        outputs = [self._wrap(a, tensors) for a in (result if several else (result,))]
        if recording():
            for t in tensors:
                if t is not None and t.edge is not None:
                    self._record(tensors, outputs, several, extras, parameters)
                    break
        y = tuple(outputs) if several else outputs[0]
        return (y, *extras) if extras else y

    def _wrap(self, array, tensors) -> Tensor:
        if type(array) is not np.ndarray:
            array = as_array(array)
        if self.view and (is_view(array) or any(t is not None and array is t.array for t in tensors)):
            for t in tensors:  # the output lies in an input's memory
                if t is not None and np.may_share_memory(array, t.array):
                    return t.view_of_memory(array)
        return from_array(array)

    def _record(self, tensors, outputs, several: bool, extras: tuple, parameters: dict) -> None:
        edges = tuple([None if t is None else edge_to(t) for t in tensors])
        saved = self._save(edges, tensors, outputs, extras, parameters)
        if several:
            node = record(self, edges, saved, [(o.shape, o.dtype) for o in outputs])
            for index, output in enumerate(outputs):
                output.edge = Output(node, index)
        else:
            outputs[0].edge = record(self, edges, saved)

    def _save(self, edges, tensors, outputs, extras, parameters) -> tuple:
        needed = tuple([e is not None for e in edges])
        plan = self._plans.get(needed)
        if plan is None:
            kept = self.saved_for(needed)
            getters = [(i, self._getter(name)) for i, name in enumerate(self.signature) if kept[i]]
            values = {*self.inputs, "y", *self.extras, "ys"}
            plan = getters, any(self.signature[i] in values for i, _ in getters)
            self._plans[needed] = plan
        getters, saves_values = plan
        saved: list[Any] = [None] * len(self.signature) if getters else []
        for i, get in getters:
            saved[i] = get(tensors, outputs, extras, parameters)
        if saves_values or _holds_values(saved[self._first_parameter :]):
            return tuple(saved)
        return Reusable(saved)

    def _getter(self, name: str) -> Callable:
        """The function ``(inputs, outputs, extras, parameters) -> value`` for this name of the signature."""
        if name in self.inputs:
            i = self.inputs.index(name)
            return lambda tensors, *_: tensors if self.variadic else tensors[i]
        if name == "y":
            return lambda tensors, outputs, *_: alias(outputs[0])
        if name == "ys":
            return lambda tensors, outputs, *_: tuple(map(alias, outputs))
        if name in self.extras:
            i = self.extras.index(name)
            return lambda tensors, outputs, extras, _: extras[i]
        of, _, what = name.rpartition("_")
        if of not in self.inputs:
            return lambda tensors, outputs, extras, parameters: parameters[name]
        i = self.inputs.index(of)
        if self.variadic:
            return lambda tensors, *_: tuple(getattr(t.array, what) for t in tensors)
        return lambda tensors, *_: None if tensors[i] is None else getattr(tensors[i].array, what)

    def saved_for(self, needed: tuple[bool, ...]) -> tuple[bool, ...]:
        """Which entries of the signature are saved, given which inputs need a gradient."""
        kept = self._saved_for.get(needed)
        if kept is None:
            if self._joint is not None:
                positions = set(self._joint[1])
            else:
                for name, call, need in zip(self.inputs, self._calls, needed):
                    if need and call is None:
                        raise GradientError(
                            f"{self.name}: the derivative with respect to {name!r} is not defined, but it "
                            "requires grad; detach it first"
                        )
                positions = {p for required, need in zip(self._required, needed) if need for p in required}
            kept = self._saved_for[needed] = tuple(i in positions for i in range(len(self.signature)))
        return kept

    # ---------------------------------------------------------------------------------- backward

    def backward(self, node: Node, gradient, edges: tuple) -> Sequence:
        """The gradient of each input whose edge is not None."""
        saved: Any = node.saved
        if saved is None or sequence.last_change > node.sequence:
            self._check(node)
        recorded = recording()
        if saved and recorded:
            saved = self._reconnect(node)
        if node.outputs is not None and self._zeros:
            gradient = tuple(
                from_array(np.zeros(shape, dtype)) if g is None else g
                for g, (shape, dtype) in zip(gradient, node.outputs)
            )
        if self._joint is not None:
            function, positions = self._joint
            return function(gradient, tuple(e is not None for e in edges), *[saved[p] for p in positions])
        calls: list[Any] = self._calls
        if self._pair is not None and not recorded and edges[0] is not None and edges[1] is not None:
            rest = [None if e is None else call(gradient, saved) for e, call in zip(edges[2:], calls[2:])]
            return [*self._pair(gradient, saved), *rest]
        if len(edges) == 1:
            return (calls[0](gradient, saved),)
        if len(edges) == 2:
            a, b = edges
            return (
                None if a is None else calls[0](gradient, saved),
                None if b is None else calls[1](gradient, saved),
            )
        return [None if e is None else call(gradient, saved) for e, call in zip(edges, calls)]

    def saved_value(self, node: Node, name: str) -> Any:
        """What a node saved, by PyTorch's name: ``self`` and ``other`` are the first two inputs, ``result``
        is the output.

        Raises:
            AttributeError: the derivative does not need it.
            GradientError: it was freed, or changed in place since.
        """
        if name not in self.signature:
            i = {"self": 0, "mat1": 0, "other": 1, "exponent": 1, "mat2": 1}.get(name, len(self.inputs))
            name = "y" if name == "result" else self.inputs[i] if i < len(self.inputs) else name
        self._check(node)
        saved = self._reconnect(node)
        found = saved[self.signature.index(name)] if saved and name in self.signature else None
        if found is None:
            raise AttributeError(f"{self.title} does not save {name!r}, which its derivative does not need")
        return found

    def _check(self, node: Node) -> None:
        """Raise a GradientError if the saved values were freed, or changed in place since."""
        if node.saved is None:
            raise GradientError(
                f"{self.name}: trying to backward through the graph a second time, but the saved values were "
                "freed the first time; give retain_graph=True there"
            )
        for name, value in zip(self.signature, node.saved):
            for kept in value if type(value) is tuple else (value,):
                if isinstance(kept, Tensor) and kept.changed_since(node.sequence):
                    which = "its output" if name in ("y", "ys") else f"its input {name!r}"
                    raise GradientError(
                        f"{self.name}: one of the variables needed for gradient computation has been "
                        f"modified by an inplace operation: {which}, of shape {kept.array.shape}, at "
                        f"version {kept._version}; change a copy instead (.clone())"
                    )

    def _reconnect(self, node: Node) -> tuple:
        """The saved values, with the outputs connected to the graph again, for a recorded derivative."""
        saved, y = node.saved or (), len(self.inputs)
        if node.outputs is not None and saved and saved[-1] is not None:
            outputs = tuple(map(alias, saved[-1]))
            for index, output in enumerate(outputs):
                output.edge = Output(node, index)
            return (*saved[:-1], outputs)
        if len(saved) <= y or saved[y] is None:
            return saved
        output = alias(saved[y])
        output.edge = node
        return (*saved[:y], output, *saved[y + 1 :])

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


_SIZES = frozenset({type(None), type(...), int, float, bool, str, slice})


def _holds_values(saved: Sequence) -> bool:
    """Whether there is more than shapes, dtypes and plain parameters."""
    for item in saved:
        if isinstance(item, tuple):
            if _holds_values(item):
                return True
        elif type(item) not in _SIZES and not isinstance(item, np.dtype):
            return True
    return False


def _parameters(function: Callable) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    """The positional parameters of a Python function, with ``*xs`` as the last; whether there is ``*xs``; the
    parameters after the star. `inspect.signature` would take a tenth of the time of importing the package."""
    code = function.__code__
    stars, names = code.co_argcount + code.co_kwonlyargcount, code.co_varnames
    variadic = bool(code.co_flags & VARARGS)
    return (
        names[: code.co_argcount] + names[stars : stars + variadic],
        variadic,
        names[code.co_argcount : stars],
    )


def _required(derivative: Callable) -> tuple[str, ...]:
    """All parameters of a derivative, which has none after a star."""
    positional, _, parameters = _parameters(derivative)
    return positional + parameters


def _caller(function: Callable, positions: tuple[int, ...]) -> Callable:
    """``(g, saved) -> function(g, *required)``; zero or one required value needs no tuple."""
    if not positions:
        return lambda g, saved: function(g)
    if len(positions) == 1:
        (i,) = positions
        return lambda g, saved: function(g, saved[i])
    pick = itemgetter(*positions)
    return lambda g, saved: function(g, *pick(saved))


def alias(tensor: Tensor) -> Tensor:
    """A tensor with the same memory and no history. A node saves its own output in this form, which avoids a
    reference cycle."""
    made = _new(Tensor)
    made.array = tensor.array
    if tensor._changes is None:
        tensor._changes = [0, 0]
    made._changes = tensor._changes
    return made


def operation(
    forward: Callable | None = None, *, name: str = "", extras: Sequence[str] = (), view: bool = False
):
    """Decorator: declare an operation by its forward function of arrays.

    Args:
        name: as ``tensor.op`` shows it; by default the function's name, without underscores around it.
        extras: names of the auxiliary outputs, which the forward returns after the output.
        view: the output may share the memory of an input, so that a change in place shows in both.
    """
    if forward is None:
        return lambda function: Operation(function, name, extras, view)
    return Operation(forward, name, extras, view)


_NUMBERS = frozenset({bool, int, float, complex})


def check_tensors_given(function: str, *values) -> None:
    """Raise a DtypeError if one of the values is a Python number."""
    for value in values:
        if type(value) in _NUMBERS:
            raise DtypeError(
                f"{function}: expected a tensor, found the number {value!r}; use torch.tensor() first"
            )


def check_tensor_among(function: str, *values) -> None:
    """Raise a DtypeError if all values are Python numbers."""
    if all(type(value) in _NUMBERS for value in values):
        raise DtypeError(
            f"{function}: expected at least one tensor, found the numbers {values}; use torch.tensor() first"
        )


def as_tensor_input(function: str, value, like: Tensor | None = None) -> Tensor:
    """An argument as a tensor; numbers and arrays become constants.

    Raises:
        DtypeError: it is neither a tensor, a number nor an array.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (bool, int, float, complex, np.ndarray, np.generic)):
        return tensor(value)
    raise DtypeError(
        f"{function}: expected a tensor or a number, found {type(value).__name__}; use torch.tensor() first"
    )
