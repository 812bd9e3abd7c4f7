"""``vmap``: a function of one example becomes a function of a batch.

The function runs once. The tensors that it gets have the shape of one example, and hold those of all of them
(:mod:`.batched`). Each operation computes the whole batch by its rule (:mod:`.rules`), or, where it has none,
one example after another, which a warning says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import numpy as np

from cnn_physics77.core.autograd.execution import Plain, executed_by
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.broadcasting import expand_to
from cnn_physics77.core.operations.base.operation import Operation, overrides
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.getitem import narrow
from cnn_physics77.core.operations.indexing.permute import movedim
from cnn_physics77.core.operations.indexing.shape import unsqueeze
from cnn_physics77.core.random import default_generator, drawing
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.func.batched import (
    Batch,
    Batched,
    innermost,
    is_of,
    of_example,
    stacked,
    value_of,
)
from cnn_physics77.func.functions import run_on_batch
from cnn_physics77.func.rules import compute
from cnn_physics77.utils._pytree import TreeSpec, tree_broadcast, tree_flatten, tree_unflatten


def vmap(
    func: Callable,
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable:
    """The function with an additional dimension in inputs and outputs, over which it maps.

    Gradients go through it. It nests with itself and with the other transforms: ``vmap(grad(loss))`` gives
    the gradient for each example.

    As the function runs once for all examples, it cannot read values (``.item()``, ``if``), and results whose
    shapes depend on values are refused. A tensor that is not mapped cannot be changed in place by one that
    is. An operation without a rule is computed in a loop, which a warning says.

    Args:
        func: takes and returns tensors, also in nested tuples, lists and dicts.
        in_dims: for each positional argument the dimension to go along, or None to hand it over whole; an
            integer for all. Within an argument it may follow its structure. Keyword arguments are handed over
            whole.
        out_dims: for each output the place of the new dimension; an integer for all. None: the output does
            not depend on the example.
        randomness: random numbers are an ``"error"``, the ``"same"`` for each example, or ``"different"``.
        chunk_size: the number of examples to compute at once; None for all.

    Returns:
        A function with the arguments of ``func``.

    Raises:
        ValueError: dimensions that do not exist or fit the structure; unequal numbers of examples; no tensor
            to go along; an output that is not a tensor, or depends on the example with ``out_dims`` None;
            ``chunk_size`` not positive.
        RuntimeError: random numbers were drawn with ``randomness="error"``, or it is another word; a value
            was read; a change in place, or a shape, as above.

    >>> import cnn_physics77 as torch
    >>> torch.vmap(torch.dot)(torch.eye(2), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    >>> torch.vmap(torch.mv, in_dims=(None, 1), out_dims=1)(2 * torch.eye(2), torch.ones(2, 3)).shape
    torch.Size([2, 3])
    """
    if randomness not in ("error", "same", "different"):
        raise RuntimeError(
            f"vmap: expected randomness to be 'error', 'different', or 'same', found {randomness!r}"
        )
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0, found {chunk_size}")

    @wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, dims, spec, size = _examples(in_dims, args)
        step = chunk_size or max(size, 1)
        state = default_generator.position()
        chunks = []
        for start in range(0, max(size, 1), step):
            if randomness == "same":
                default_generator.go_to(state)
            count = min(step, size - start)
            chunks.append(
                _mapped(
                    lambda *some: func(*tree_unflatten(some, spec), **kwargs),
                    [
                        x if dim is None or count == size else narrow(x, dim, start, count)
                        for x, dim in zip(leaves, dims)
                    ],
                    dims, out_dims, randomness, count,
                )
            )  # fmt: skip
        values, places, structure = chunks[0]
        if len(chunks) > 1:
            columns = zip(*(chunk[0] for chunk in chunks))
            values = [c[-1] if place is None else cat(c, place) for c, place in zip(columns, places)]
        return tree_unflatten(values, structure)

    return mapped


def _mapped(
    func: Callable, leaves: list, dims: list, out_dims: Any, randomness: str, size: int
) -> tuple[list, list, TreeSpec]:
    """(outputs, their places of the new dimension, their structure) of a function of some examples."""
    batch = Batch(size, randomness)
    source = drawing.get()
    token = drawing.set(lambda numbers: Draws(source(numbers) if source else numbers, batch))
    try:
        with active():
            output = func(
                *(x if dim is None else _of_memory(movedim(x, dim, 0), batch) for x, dim in zip(leaves, dims))
            )
            structure, places = _output_dims(out_dims, output)
            outputs = tree_flatten(output)[0]
            return [_whole(*each, batch) for each in zip(outputs, places)], places, structure
    finally:
        drawing.reset(token)


def _of_memory(value: Tensor, batch: Batch) -> Tensor:
    """The tensor of an example, in memory that the caller sees."""
    array: Any = Batched(value, batch)
    return value.view_of_memory(array)


@contextmanager
def active() -> Iterator[None]:
    """Within, operations take tensors of a batch."""
    overrides.append(_override)
    try:
        with executed_by(Plain):
            yield
    finally:
        overrides.remove(_override)


def _override(operation: Any, tensors: Any, forward: Callable) -> Callable:
    if isinstance(operation, Operation):
        return partial(compute, operation, tensors, forward)
    return partial(run_on_batch, forward, active, recording())


# draws that take a shape, and its place among the arguments: one draw gives the numbers of all examples
_SIZES = {"random": 0, "standard_normal": 0, "normal_one_by_one": 0, "standard_exponential": 0, "integers": 2}


class Draws:
    """NumPy's generator, for a batch."""

    def __init__(self, numbers: Any, batch: Batch) -> None:
        self._numbers = numbers
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        if self._batch.randomness == "error":
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use the 'same' "
                "or 'different' randomness flags on vmap or perform the randomness operation out of vmap"
            )
        draw, batch = getattr(self._numbers, name), self._batch

        def drawn(*args: Any, **named: Any) -> Any:
            given = innermost((*args, *named.values())) is batch
            if self._batch.randomness == "same" and given:
                raise RuntimeError(
                    "vmap: does not support same randomness with a batched tensor input; draw from a "
                    "distribution that is not batched, and transform the numbers"
                )
            if self._batch.randomness == "same":
                return draw(*args, **named)
            if name in _SIZES and not given:
                place = _SIZES[name]
                size = (batch.size, *args[place])
                whole = draw(*args[:place], size, *args[place + 1 :], **named)
                return Batched(from_array(whole), batch)
            each = [
                draw(*of_example(args, batch, i), **of_example(named, batch, i))
                for i in range(max(batch.size, 1))
            ]
            return stacked(each, batch, np.stack)

        return drawn


def _whole(value: Any, place: int | None, batch: Batch) -> Any:
    """An output for all examples."""
    own = is_of(batch, value)
    if place is None:
        if own:
            raise ValueError("vmap: the function can not return a BatchedTensor when out_dim is None")
        return value
    if own:
        return movedim(value_of(value, batch), 0, place)
    return movedim(expand_to(unsqueeze(value, 0), (batch.size, *value.shape)), 0, place)


def _dims(in_dims: Any, args: tuple) -> list:
    """The dimension of each leaf of the arguments."""
    if not args:
        raise ValueError(
            "vmap: got no inputs; expected at least one positional argument with a tensor to go along"
        )
    if not isinstance(in_dims, (int, tuple, list)):
        raise ValueError(
            "vmap: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of "
            f"inputs, got: {type(in_dims).__name__}"
        )
    dims = tree_broadcast(tuple(in_dims) if isinstance(in_dims, list) else in_dims, args)
    if dims is None:
        raise ValueError(
            f"vmap: in_dims {in_dims} is not compatible with the structure of the {len(args)} inputs; give "
            "one for each positional argument"
        )
    return dims


def _examples(in_dims: Any, args: tuple) -> tuple[list, list, TreeSpec, int]:
    """The leaves of the arguments, the dimension of each to go along, their structure, how many examples."""
    leaves, spec = tree_flatten(args)
    dims = _dims(in_dims, args)
    sizes = set()
    for leaf, dim in zip(leaves, dims):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(f"vmap: expected in_dims of int or None, found {type(dim).__name__}")
        if not isinstance(leaf, Tensor):
            raise ValueError(
                f"vmap: got in_dim={dim} for an input of type {type(leaf).__name__}; only tensors can be "
                "mapped over, give None as its in_dim"
            )
        if not -leaf.ndim <= dim < leaf.ndim:
            raise ValueError(
                f"vmap: got in_dim={dim} for an input of dimensionality {leaf.ndim}; expected "
                f"-{leaf.ndim} <= in_dim < {leaf.ndim}"
            )
        sizes.add(leaf.shape[dim])
    if not sizes:
        raise ValueError("vmap: expected at least one tensor to map over, found none")
    if len(sizes) > 1:
        raise ValueError(
            f"vmap: expected all tensors to have the same size in the mapped dimension, found {sorted(sizes)}"
        )
    (size,) = sizes
    return leaves, dims, spec, size


def _output_dims(out_dims: Any, output: Any) -> tuple[TreeSpec, list]:
    """The structure of an output, and for each of its leaves the place of the new dimension."""
    leaves, spec = tree_flatten(output)
    places = tree_broadcast(tuple(out_dims) if isinstance(out_dims, list) else out_dims, output)
    if places is None and isinstance(out_dims, tuple) and len(out_dims) == 1 and len(leaves) == 1:
        places = list(out_dims)  # of a function of one output
    if places is None:
        raise ValueError(
            f"vmap: out_dims {out_dims} is not compatible with the structure of the outputs; give one for "
            "each output"
        )
    for leaf, place in zip(leaves, places):
        if place is not None and not isinstance(place, int):
            raise ValueError(
                "vmap: `out_dims` must be an int, None or a python collection of ints, found "
                f"{type(place).__name__}"
            )
        if place is not None and not isinstance(leaf, Tensor):
            raise ValueError(
                f"vmap: the function must only return tensors, got type {type(leaf).__name__}; set out_dims "
                "to None for it"
            )
        if place is not None and not -leaf.ndim - 1 <= place <= leaf.ndim:
            raise ShapeError(
                f"vmap: expected out_dims from {-leaf.ndim - 1} to {leaf.ndim} for an output of shape "
                f"{tuple(leaf.shape)} for each example, found {place}"
            )
    return spec, places


__all__ = ["vmap"]
