"""One mechanism for all in-place operations: compute the new values out of place, put them into the tensor's
memory, and give the tensor the history of the new values.

Usually nothing is copied. If nothing else refers to the tensor's memory, the tensor takes the memory of the
new values, and a derivative that needs the old values keeps the old memory.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import ref

import numpy as np

from cnn_physics77.core.autograd import Node, node_of, sequence
from cnn_physics77.core.autograd.ownership import is_unshared
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import RANK, cast
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.views import check_inplace, has_history, rebase_history
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array


def apply_inplace(function: str, input: Tensor, apply: Callable, *args, **parameters) -> Tensor:
    """Overwrite the input with ``apply(input, *args, **parameters)``, of the same shape, and return it.

    Args:
        function: the name of the in-place operation, for errors.
        apply: an operation, or a function made of operations.

    Raises:
        GradientError: the change is recorded, and the input is a variable, a view of one, or a view whose
            history cannot be rebased.
        ShapeError: the new values have another shape, the memory is read-only, or its elements overlap.
        DtypeError: the new values are of a higher kind (complex, floating, integer, boolean) than the input.
    """
    if must_record(input, (*args, *parameters.values())):
        return _recorded(function, input, apply, args, parameters)
    write(function, input, apply(input, *args, **parameters).array)
    return input


@operation(name="copy")
def copy_values(x, source):
    """y = source, with the shape and the place in the graph of x."""
    return source


@copy_values.derivative("x")
def _(g):
    return from_array(np.zeros(g.array.shape, g.array.dtype, like=g.array))


@copy_values.derivative("source")
def _(g):
    return g


def must_record(target: Tensor, values: tuple) -> bool:
    """Whether a change of ``target`` that depends on ``values`` has a derivative. Integers have none."""
    return (
        recording()
        and target.array.dtype.kind in "fc"
        and (has_history(target) or any(isinstance(v, Tensor) and v.edge is not None for v in values))
    )


@silent
def write(function: str, input: Tensor, array: np.ndarray) -> None:
    """Copy ``array`` into the memory of the input, without recording."""
    check_writable(function, input)
    _check_fit(function, input, array)
    np.copyto(input.array, array, casting="unsafe")
    input.mark_changed()


def check_writable(function: str, input: Tensor) -> None:
    """Raise a ShapeError if the input's memory is read-only, or if some of its elements share memory."""
    array = input.array
    if array.size and any(stride == 0 and n > 1 for stride, n in zip(array.strides, array.shape)):
        raise ShapeError(
            f"{function}: unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location (it was expanded); clone it first"
        )
    if not array.flags.writeable:
        raise ShapeError(
            f"{function}: expected writable memory, found a read-only array; clone the tensor first"
        )


def overlaps_itself(array: np.ndarray) -> bool:
    """Whether two elements of the array share memory."""
    reach = array.itemsize
    for stride, n in sorted((abs(stride), n) for stride, n in zip(array.strides, array.shape) if n != 1):
        if stride < reach:  # dimensions may still interlock, as in strides (3, 2): count the places
            places = np.zeros((), np.intp)
            for stride, n in zip(array.strides, array.shape):
                places = np.add.outer(places, stride * np.arange(n))
            return len(np.unique(places)) < array.size
        reach += stride * (n - 1)
    return False


def _check_fit(function: str, input: Tensor, array: np.ndarray) -> None:
    if array.shape != input.array.shape:
        raise ShapeError(
            f"{function}: output with shape {list(input.shape)} doesn't match the broadcast shape "
            f"{list(array.shape)}; use the operation without underscore"
        )
    if RANK[array.dtype.kind] > RANK[input.array.dtype.kind]:
        raise DtypeError(
            f"{function}: result type torch.{array.dtype} can't be cast to the desired output type "
            f"{input.dtype}; use the operation without underscore, or convert the tensor first"
        )


def _recorded(function: str, input: Tensor, apply: Callable, args: tuple, parameters: dict) -> Tensor:
    check_inplace(function, input)
    check_writable(function, input)
    start = sequence.next()
    before = _new_alias(input)
    result = _applied(apply, before, input, args, parameters)
    _check_fit(function, input, result.array)
    is_constant = result.edge is None or (apply is copy_values and args[0].edge is None)
    if not is_constant and overlaps_itself(input.array):
        raise ShapeError(
            f"{function}: unsupported operation: some elements of the view of shape {list(input.shape)} "
            "refer to the same memory, as overlapping windows do, so that the change has no derivative; "
            "clone it first"
        )
    if result.array.dtype != input.array.dtype:
        result = cast(result, dtype=input.array.dtype)
    if result.edge is None and input.edge is not None:  # e.g. a comparison: nothing flows back through it
        result = copy_values(before, result)
    edge = result.edge
    still = ref(before)
    del before
    old = still()  # None, unless some derivative needs the old values
    node = node_of(edge)
    if _can_swap_memory(input, result, node, old, start):
        if old is not None:
            old._changes = None  # it now owns the old memory alone
        version = input._version + 1
        changes = result._changes or [0, 0]
        changes[:] = sequence.change(), version
        input._changes, input.array = changes, result.array
        if node is not None:
            node.sequence = sequence.next()  # not older than the output that it saved
    else:
        for kept in _saved_parts(node, start, input, (*args, *parameters.values())):
            kept.array, kept._changes = kept.array.copy(), None
        np.copyto(input.array, result.array)
        input.mark_changed()
    rebase_history(input, edge)
    return input


def _applied(apply: Callable, old: Tensor, input: Tensor, args: tuple, parameters: dict) -> Tensor:
    named = {name: old if value is input else value for name, value in parameters.items()}
    return apply(old, *(old if value is input else value for value in args), **named)


def _new_alias(tensor: Tensor) -> Tensor:
    """The tensor before the change: the same memory, the same edge."""
    if tensor._changes is None:
        tensor._changes = [0, 0]
    old = from_array(tensor.array)
    old.edge, old._changes = tensor.edge, tensor._changes
    return old


def _saved_parts(node, start: int, input: Tensor, given: tuple) -> list[Tensor]:
    """What the nodes that were recorded after ``start`` saved of the input's memory: its old values, and
    views of these. What was given by the caller stays as it is."""
    found, ahead, seen = [], [node], set()
    while ahead:
        node = ahead.pop()
        if not isinstance(node, Node) or node.sequence <= start or node in seen:
            continue
        seen.add(node)
        ahead += node.parents
        for value in node.saved or ():
            for kept in value if type(value) is tuple else (value,):
                if isinstance(kept, Tensor) and kept._changes is input._changes:
                    found += [] if any(kept is g for g in given) else [kept]
    return found


def _can_swap_memory(input: Tensor, result: Tensor, node, old: Tensor | None, start: int) -> bool:
    """Whether the input can take the memory of the result, because nothing else refers to either memory.

    ``node`` made the result. The result is a new tensor only if the node was recorded after ``start``.
    """
    if input._view_of is not None or input.array.base is not None or result.array.base is not None:
        return False
    if not isinstance(input.array, np.ndarray):
        return False  # that of a transform, whose references tell nothing about the memory
    if result.array.strides != input.array.strides or result.array is input.array:
        return False
    if node is None or node.sequence <= start:
        return False
    kept = sum(isinstance(value, Tensor) and value.array is result.array for value in node.saved or ())
    return is_unshared(input, aliases=old is not None) and is_unshared(result, aliases=kept)
