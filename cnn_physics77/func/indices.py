"""Rules of operations with indices, which may differ from example to example."""

from __future__ import annotations

from typing import Any

from cnn_physics77.core.operations.creation.creation import arange
from cnn_physics77.core.operations.indexing.permute import movedim
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.func.batched import is_of, refuse_shapes, value_of
from cnn_physics77.func.call import Call


def index_of_all(call: Call) -> tuple[tuple, int, int] | None:
    """The index for all examples, which begins with their numbers; where the dimensions that it gives are in
    the result of an example, and how many they are. None if examples have masks of their own."""
    parts: list[Any] = []
    for part in call.parameters["index"]:
        if part is None or part.array.dtype.kind != "b":
            parts.append(part)
        elif not is_of(call.batch, part):
            parts += part.nonzero(as_tuple=True)
        else:
            return None
    places = [i for i, part in enumerate(parts) if part is not None]
    depth = max(parts[i].ndim for i in places)
    for i in places:
        if is_of(call.batch, parts[i]):
            value = value_of(parts[i], call.batch)
            parts[i] = reshape(value, (call.size, *(1,) * (depth + 1 - value.ndim), *value.shape[1:]))
    numbers = reshape(arange(call.size), (call.size, *(1,) * depth))
    adjacent = len(places) == places[-1] - places[0] + 1
    return (numbers, *parts), (places[0] if adjacent else 0), depth


def moved(x: Tensor, depth: int, source: int, to: int) -> Tensor:
    """The dimensions of an index from one place to another."""
    return movedim(x, tuple(range(source, source + depth)), tuple(range(to, to + depth)))


def picked(call: Call) -> Any:
    found = index_of_all(call)
    if found is None:
        return refuse_shapes("indexing with a boolean mask")
    index, place, depth = found
    return moved(call.operation(call.spread(0), index=index), depth, 1, 1 + place)


def added(call: Call) -> Any:
    found = index_of_all(call)
    if found is None:
        return None
    index, place, depth = found
    values = moved(call.spread(0), depth, 1 + place, 1)
    return call.operation(values, index=index, shape=(call.size, *call.parameters["shape"]))


def assigned(call: Call) -> Any:
    found = index_of_all(call)
    if found is None:
        return None
    index, place, depth = found
    x = call.spread(0)
    rank = depth + x.ndim - sum(part is not None for part in index)
    values = moved(call.spread(1, rank), depth, 1 + place, 1)
    return call.operation(x, values, index=index)


def index_added(call: Call) -> Any:
    if call.mapped[2]:
        return None
    x, source = call.spread(0), call.spread(1)
    return call.operation(x, source, call.inputs[2], dim=call.parameters["dim"] + 1)


def looked_up(call: Call) -> Any:
    weight, indices, factor = call.inputs
    if not call.mapped[0]:
        return call.operation(weight, indices, factor)
    rows = weight.shape[1]
    return call.operation(
        reshape(weight, (call.size * rows, weight.shape[2])), apart(call, 1, rows),
        None if factor is None else call.spread(2),
    )  # fmt: skip


def apart(call: Call, i: int, rows: int) -> Tensor:
    """Indices into the tables of all examples, one below the other."""
    indices = call.spread(i)
    return indices + reshape(arange(call.size) * rows, (-1, *(1,) * (indices.ndim - 1)))


def rows_gathered(call: Call) -> Any:
    rows = call.parameters["rows"]
    total = call.operation(call.spread(0), apart(call, 1, rows), rows=call.size * rows)
    return reshape(total, (call.size, rows, *total.shape[1:]))


def sparse_product(call: Call) -> Any:
    """Of a matrix with those of the examples on its diagonal."""
    a, b = call.spread(0), call.spread(1)
    dense = call.operation.name == "weighted_rows"
    height = call.parameters["count"] if dense else a.shape[1]
    places = [reshape(apart(call, i, n), (-1,)) for i, n in ((2, height), (3, b.shape[1]))]
    count = {"count": call.size * height} if dense else {}
    y = call.operation(*(reshape(x, (-1, *x.shape[2:])) for x in (a, b)), *places, **count)
    return reshape(y, (call.size, -1, *y.shape[1:]))
