"""One mechanism for every change in place: compute the new values out of place, put them into the tensor's
memory, and let the tensor's gradient go where that of the new values goes.

Most often no value is copied for that: where nobody else can see the tensor's memory, the tensor takes over
the memory of the new values, and a derivative that needs the old values keeps the old memory.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import ref

import numpy as np

from cnn_physics77.core.autograd import node_of, sequence
from cnn_physics77.core.autograd.ownership import is_unshared
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import RANK, cast
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.views import check_overwritable, has_history, overwritten
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array


def overwrite(function: str, input: Tensor, apply: Callable, *args, **parameters) -> Tensor:
    """Overwrite the input with ``apply(input, *args, **parameters)``, of its shape, and return it.

    Args:
        function: whose change this is, for errors.
        apply: an operation or a function made of operations.

    Raises:
        GradientError: the change is recorded, and the input is a variable, a view of one, or a view that
            cannot be followed.
        ShapeError: the new values have another shape, the memory is read-only, or its elements overlap.
        DtypeError: the new values are of a higher kind (complex, floating, integer, boolean) than the input.
    """
    if recording() and (has_history(input) or _any_edge(args) or _any_edge(parameters.values())):
        return _recorded(function, input, apply, args, parameters)
    write(function, input, apply(input, *args, **parameters).array)
    return input


@operation(name="copy")
def replaced(x, source):
    """y = the source; nothing of x is left."""
    return source


@replaced.derivative("x")
def _(g):
    return from_array(np.zeros(g.array.shape, g.array.dtype))


@replaced.derivative("source")
def _(g):
    return g


def _any_edge(values) -> bool:
    return any(isinstance(value, Tensor) and value.edge is not None for value in values)


@silent
def write(function: str, input: Tensor, array: np.ndarray) -> None:
    """Put the values of ``array`` into the memory of the input; its graph stays as it is."""
    check_writable(function, input)
    _check_fit(function, input, array)
    np.copyto(input.array, array, casting="unsafe")
    input.mark_changed()


def check_writable(function: str, input: Tensor) -> None:
    """Raise a ShapeError if the memory of the input cannot be written, element by element."""
    array = input.array
    if array.size and any(stride == 0 and n > 1 for stride, n in zip(array.strides, array.shape)):
        raise ShapeError(
            f"{function}: unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location (it was expanded); clone it first"
        )
    if not array.flags.writeable:
        raise ShapeError(
            f"{function}: expected memory that can be written, found a read-only array; clone the tensor "
            "first"
        )


def _check_fit(function: str, input: Tensor, array: np.ndarray) -> None:
    if array.shape != input.array.shape:
        raise ShapeError(
            f"{function}: output with shape {list(input.shape)} doesn't match the broadcast shape "
            f"{list(array.shape)}; use the operation "
            "without underscore"
        )
    if RANK[array.dtype.kind] > RANK[input.array.dtype.kind]:
        raise DtypeError(
            f"{function}: result type {array.dtype} can't be cast to the desired output type {input.dtype}; "
            "use the operation "
            "without underscore, or convert the tensor first"
        )


def _recorded(function: str, input: Tensor, apply: Callable, args: tuple, parameters: dict) -> Tensor:
    check_overwritable(function, input)
    check_writable(function, input)
    start = sequence.next()
    before = _new_alias(input)
    made = _applied(apply, before, input, args, parameters)
    _check_fit(function, input, made.array)
    if made.array.dtype != input.array.dtype:
        made = cast(made, dtype=input.array.dtype)
    if made.edge is None and input.edge is not None:  # e.g. a comparison: nothing flows back through it
        made = replaced(before, made)
    edge = made.edge
    still = ref(before)
    del before
    old = still()  # None, unless some derivative needs the old values
    node = node_of(edge)
    if _exchangeable(input, made, node, old, start):
        if old is not None:
            old._changes = None  # the old memory is its own
        version = input._version + 1
        changes = made._changes or [0, 0]
        changes[:] = sequence.change(), version
        input._changes, input.array = changes, made.array
        if node is not None:
            node.sequence = sequence.next()  # what it keeps of its output is as new as itself
    else:
        if old is not None:
            old.array, old._changes = input.array.copy(), None
        np.copyto(input.array, made.array)
        input.mark_changed()
    overwritten(input, edge)
    return input


def _applied(apply: Callable, old: Tensor, input: Tensor, args: tuple, parameters: dict) -> Tensor:
    named = {name: old if value is input else value for name, value in parameters.items()}
    return apply(old, *(old if value is input else value for value in args), **named)


def _new_alias(tensor: Tensor) -> Tensor:
    """The tensor as it is before the change, at the same place in the graph."""
    if tensor._changes is None:
        tensor._changes = [0, 0]
    old = from_array(tensor.array)
    old.edge, old._changes = tensor.edge, tensor._changes
    return old


def _exchangeable(input: Tensor, made: Tensor, node, old: Tensor | None, start: int) -> bool:
    """Whether the input can take over the memory of the new values: nobody else sees either.

    ``made`` is a result of ``node``, which was recorded after ``start`` if the tensor is new, too.
    """
    if input._view_of is not None or input.array.base is not None or made.array.base is not None:
        return False
    if made.array.strides != input.array.strides or made.array is input.array:
        return False
    if node is None or node.sequence <= start:
        return False
    kept = sum(isinstance(value, Tensor) and value.array is made.array for value in node.saved or ())
    return is_unshared(input, aliases=old is not None) and is_unshared(made, aliases=kept)
