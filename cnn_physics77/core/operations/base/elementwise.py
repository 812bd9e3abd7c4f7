"""Declarations of elementwise operations, one line each.

``unary`` and ``binary`` make the public function from a NumPy ufunc and one derivative per input. They are
the hot path of recording: operands of equal dtypes go straight to the operation's forward, all others through
:func:`.base.broadcasting.prepare`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from math import inf
from types import CellType, FunctionType

import numpy as np

from cnn_physics77.core.autograd import LEAF, record
from cnn_physics77.core.backend.conversion import as_array, wrapped
from cnn_physics77.core.backend.dtypes import get_default_dtype
from cnn_physics77.core.backend.fp_errors import SILENCE, call_ufunc, silent, silently, state
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels.elementwise import LARGE, shared
from cnn_physics77.core.operations.base.broadcasting import OPERANDS, prepare
from cnn_physics77.core.operations.base.operation import (
    Operation,
    alias,
    as_tensor_input,
    check_tensor_among,
    check_tensors_given,
    overridden,
    overrides,
)
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array

_new = object.__new__
ndarray, ufunc_type = np.ndarray, np.ufunc


def unary(
    name: str, ufunc: Callable, doc: str, *, x: Callable | None = None, floating: bool = True
) -> Callable:
    """The function y = f(x), elementwise.

    Args:
        name: as ``tensor.op`` shows it.
        ufunc: array in, array out; does not write into its input.
        doc: formula, domain, conventions, an example.
        x: the derivative, :math:`g \\mapsto \\partial L/\\partial x`, which may require ``x`` and ``y``; None
            if there is none.
        floating: integers become the default floating dtype first.
    """
    operation = _operation(ufunc, 1, name)
    if x is not None:
        operation.declare("x", x)
    keeps_x, keeps_y = operation.saved_for((True,))[:2] if x is not None else (False, False)
    keeps_nothing = not (keeps_x or keeps_y)
    large = LARGE if type(ufunc) is np.ufunc else inf

    def function(input):
        try:
            array = input.array
        except AttributeError:
            input = as_tensor_input(name, input)
            array = input.array
        if floating and array.dtype.kind not in "fc":
            array = array.astype(get_default_dtype())
        forward = operation.forward if array.size < large else operation.forward_shared
        if overrides:
            forward = overridden(operation, (input,), forward)
        try:
            if state() is SILENCE:
                out = forward(array)
            elif type(forward) is ufunc_type:
                try:
                    out = call_ufunc(forward, array)
                except RuntimeError:  # another thread is in that context
                    out = silently(forward, array)
            else:
                out = silently(forward, array)
        except TypeError:
            raise DtypeError(f"{name}: not defined for {array.dtype}; convert the input first") from None
        if type(out) is not ndarray:
            out = as_array(out)
        y = _new(Tensor)
        y.array = out
        edge = input.edge
        if edge is not None and recording():
            saved: tuple = ()
            if keeps_nothing:
                operation.saved_for((True,))  # raises where there is no derivative
            else:
                saved = (input if keeps_x else None, alias(y) if keeps_y else None)
            y.edge = record(operation, (input if edge is LEAF else edge,), saved)
        return y

    operation.elementwise = _named(function, name, doc)
    return function


def binary(
    name: str,
    ufunc: Callable,
    doc: str,
    *,
    a: Callable | None = None,
    b: Callable | None = None,
    floating: bool = False,
) -> Callable:
    """The function y = f(a, b), elementwise, with broadcasting and PyTorch's type promotion.

    Args:
        name: as ``tensor.op`` shows it.
        ufunc: arrays in, array out.
        doc: formula, domain, conventions, an example.
        a, b: the derivatives, :math:`g \\mapsto \\partial L/\\partial a`, which may require ``a``, ``b`` and
            ``y``.
        floating: integers become the default floating dtype first.
    """
    operation = _operation(ufunc, 2, name)
    for input_name, derivative in (("a", a), ("b", b)):
        if derivative is not None:
            operation.declare(input_name, derivative)
    # (a needed, b needed) -> (save a, save b, save y)
    plans = {}
    for needed in ((True, False), (False, True), (True, True)):
        if (a is not None or not needed[0]) and (b is not None or not needed[1]):
            plans[needed] = operation.saved_for(needed)[:3]
    large = LARGE if type(ufunc) is np.ufunc else inf
    declines = False

    def function(input, other):
        kind = type(other)
        try:
            x = input.array
            if (kind is float or kind is int) and x.dtype.kind == "f":
                other = number(other, x.dtype)  # a Python number takes the tensor's dtype
            z = other.array
            plain = x.dtype is z.dtype
        except AttributeError:
            plain = False
        if not plain or (floating and x.dtype.kind not in "fc"):
            if declines and not isinstance(other, OPERANDS):
                return NotImplemented
            input, other = prepare(name, (input, other), floating)
            x, z = input.array, other.array
        forward = operation.forward if x.size < large else operation.forward_shared
        if overrides:
            forward = overridden(operation, (input, other), forward)
        try:
            if state() is SILENCE:
                out = forward(x, z)
            elif type(forward) is ufunc_type:
                try:
                    out = call_ufunc(forward, x, z)
                except RuntimeError:  # another thread is in that context
                    out = silently(forward, x, z)
            else:
                out = silently(forward, x, z)
        except ValueError:
            raise ShapeError(
                f"{name}: expected shapes that broadcast (from the last dimension: equal, or 1, or missing), "
                f"found {x.shape} and {z.shape}; reshape or unsqueeze one of them"
            ) from None
        except TypeError:
            raise DtypeError(f"{name}: not defined for {x.dtype}; convert the inputs first") from None
        if type(out) is not ndarray:
            out = as_array(out)
        y = _new(Tensor)
        y.array = out
        if recording():
            edge_a, edge_b = input.edge, other.edge
            if edge_a is not None or edge_b is not None:
                shape = out.shape
                if (edge_a is not None and x.shape != shape) or (edge_b is not None and z.shape != shape):
                    input, other = prepare(name, (input, other))
                    edge_a, edge_b = input.edge, other.edge
                try:
                    keeps_a, keeps_b, keeps_y = plans[edge_a is not None, edge_b is not None]
                except KeyError:  # this derivative does not exist; saved_for raises the error
                    operation.saved_for((edge_a is not None, edge_b is not None))
                    raise
                saved = (
                    (input if keeps_a else None, other if keeps_b else None, alias(y) if keeps_y else None)
                    if keeps_a or keeps_b or keeps_y
                    else ()
                )
                edges = (input if edge_a is LEAF else edge_a, other if edge_b is LEAF else edge_b)
                y.edge = record(operation, edges, saved)
        return y

    operation.elementwise = _named(function, name, doc)
    return function


def of_tensors(function: Callable, numbers: str = "") -> Callable:
    """The function, which refuses Python numbers as PyTorch does.

    Args:
        numbers: which operand may be one: ``""`` neither, ``"second"``, or ``"one"`` of the two.
    """
    name = function.__name__

    def checked(input, other):
        if numbers == "one":
            check_tensor_among(name, input, other)
        else:
            check_tensors_given(name, input, *(() if numbers else (other,)))
        return function(input, other)

    return _named(checked, function.__name__, function.__doc__ or "")


def as_operator(function: Callable) -> Callable:
    """A function that :func:`binary` made, as an operator, at the same speed: it answers NotImplemented to
    operands that are neither tensors nor numbers, so that Python asks their class."""
    code, cells = function.__code__, function.__closure__ or ()
    cells = tuple(
        CellType(True) if name == "declines" else cell for name, cell in zip(code.co_freevars, cells)
    )
    operator = FunctionType(code, function.__globals__, function.__name__, None, cells)
    return _named(operator, function.__name__, function.__doc__ or "")


def reflected(function: Callable) -> Callable:
    """The operator for a number on the left: ``Tensor.__rsub__`` is ``reflected(sub)``."""

    def operator(self, other):
        kind = type(other)
        if (kind is float or kind is int) and self.array.dtype.kind == "f":
            other = number(other, self.array.dtype)
        return function(other, self)

    return _named(
        operator,
        f"reflected_{function.__name__}",
        f"See :func:`{function.__name__}`, with the operands exchanged.",
    )


@lru_cache(maxsize=1024, typed=True)
@silent
def _number(value, dtype: np.dtype) -> Tensor:
    array = wrapped("number", value, dtype)
    array.flags.writeable = False
    return from_array(array)


def number(value, dtype: np.dtype) -> Tensor:
    """A Python number as a 0-d constant. They are cached, since programs use few different numbers, and NumPy
    reads arrays faster than numbers."""
    if value:
        return _number(value, dtype)
    return from_array(np.asarray(value, dtype=dtype))  # not cached: 0.0 == -0.0 would share one entry


def _operation(ufunc: Callable, inputs: int, name: str) -> Operation:
    """The operation, whose forward is the ufunc itself; a function names the inputs for the derivatives."""
    names = (lambda x: ufunc(x)) if inputs == 1 else (lambda a, b: ufunc(a, b))
    operation = Operation(names, name)
    operation.forward = ufunc
    operation.forward_shared = partial(shared, ufunc)
    return operation


def _named(function: Callable, name: str, doc: str) -> Callable:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function
