"""Rules of operations that do not notice a further first dimension, if all tensors have it, and if their
parameters say where the others are then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnn_physics77.core.operations.base.broadcasting import expand_to
from cnn_physics77.core.operations.base.operation import Operation
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.func.batched import Batched
from cnn_physics77.func.call import Call

DIMENSIONS = frozenset({"dim", "dims", "dim1", "dim2"})
"""The parameters that count dimensions."""


def elementwise(call: Call) -> Any:
    """Dimensions are aligned from the last one, so those that one example lacks come behind the first."""
    rank = max(call.ranks())
    aligned = [
        call.spread(i, rank) if mapped else x for i, (x, mapped) in enumerate(zip(call.inputs, call.mapped))
    ]
    function: Any = call.operation.elementwise
    return function(*aligned)


def alike(call: Call) -> Any:
    """All tensors get the shape of the result."""
    parameters = {**call.parameters, "in_place": False} if "in_place" in call.parameters else call.parameters
    rank = max(call.ranks())
    tensors = call.all(rank)
    shape = np.broadcast_shapes(*(x.shape for x in tensors if x is not None))
    return call.operation(*(None if x is None else expand_to(x, shape) for x in tensors), **parameters)


def free(call: Call) -> Any:
    """The first dimension does not matter."""
    rank = max(call.ranks())
    if not rank and isinstance(call.parameters.get("dim"), int) and call.operation.name != "stack":
        return None  # the dimension of a number
    parameters = of_batch(call.operation, call.parameters, call.size)
    return call.operation(*call.all(rank), **parameters)


def of_batch(operation: Operation, parameters: dict[str, Any], size: int) -> dict[str, Any]:
    """The parameters with a further first dimension."""
    made = dict(parameters)
    for name in DIMENSIONS & made.keys():
        made[name] = shifted(made[name])
    if operation.name == "permute":
        made["dims"] = (0, *made["dims"])
    if "shape" in made:
        made["shape"] = (size, *made["shape"])
    if "key" in made:
        key = made["key"]
        made["key"] = (slice(None), *(key if isinstance(key, tuple) else (key,)))
    return made


def shifted(dim: Any) -> Any:
    if isinstance(dim, (tuple, list)):
        return tuple(map(shifted, dim))
    return dim + 1 if dim >= 0 else dim


def scattered(call: Call) -> Any:
    """Values in a view, which a path of operations leads to."""
    path, order = call.parameters["path"], call.parameters["order"]
    if any(step.name in ("as_strided", "expand") for step, _ in path):
        return None
    path = tuple((step, of_batch(step, parameters, call.size)) for step, parameters in path)
    return call.operation(*call.all(), path=path, order=(0, *shifted(order)))


def beside(call: Call) -> Any:
    """Each input has its own shape."""
    return call.operation(*call.all(), **call.parameters)


def factored(call: Call) -> Any:
    """Without Q there is a vector in its place."""
    return None if call.parameters["mode"] == "r" else free(call)


def of_matrices(call: Call, own: tuple[int, ...]) -> Any:
    """Inputs of which the last dimensions, as many as ``own``, belong together."""
    lead = max(x.ndim - m - n for x, m, n in zip(call.inputs, call.mapped, own))
    return call.operation(*(call.spread(i, lead + n) for i, n in enumerate(own)), **call.parameters)


def expanded(call: Call) -> Any:
    shape = call.parameters["shape"]
    return call.operation(call.spread(0, len(shape)), shape=(call.size, *shape))


def summed(call: Call) -> Any:
    shape, rank = call.parameters["shape"], call.ranks()[0]
    total = call.operation(call.inputs[0], shape=(call.size, *(1,) * (rank - len(shape)), *shape))
    return reshape(total, (call.size, *shape))


def padded(call: Call) -> Any:
    widths = ((0, 0), *call.parameters["widths"])
    return call.operation(call.inputs[0], widths=widths, value=call.parameters["value"])


def by_function(function: Callable, call: Call) -> Any:
    """A function that chooses another operation if a derivative is needed."""
    return function(call.inputs[0], **call.parameters)


def drawn(call: Call) -> Any:
    values = call.parameters["values"]
    own = type(values) is Batched and values.batch is call.batch
    values = values.value.array if own else np.broadcast_to(values, (call.size, *values.shape))
    return call.operation(*call.all(), values=values)
