"""``vmap``: a function of one example becomes a function of a batch.

It is a loop: the function is called with each example in turn, and the results are stacked. That is what
``vmap`` means, exactly, for every function; it is not what makes it fast in PyTorch, which has a rule for
each operation on a whole batch. Here a batch of B costs B calls. Where speed counts, write the batch as a
dimension of the operations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.indexing.cat_split import stack, unbind
from cnn_physics77.core.random import default_generator
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.utils._pytree import TreeSpec, tree_broadcast, tree_flatten, tree_unflatten


def vmap(
    func: Callable,
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable:
    """The function with an additional dimension in inputs and outputs: a loop over its slices.

    Gradients go through it. It nests with itself and with the other transforms: ``vmap(grad(loss))`` gives
    the gradient for each example. Unlike in PyTorch, the function may read values (``.item()``, ``if``).

    Args:
        func: takes and returns tensors, also in nested tuples, lists and dicts.
        in_dims: for each positional argument the dimension to go along, or None to hand it over whole; an
            integer for all. Within an argument it may follow its structure. Keyword arguments are handed over
            whole.
        out_dims: for each output the place of the new dimension; an integer for all. None: the output does
            not depend on the example, and that of the last one is returned.
        randomness: random numbers of the default generator are an ``"error"``, the ``"same"`` for each
            example, or ``"different"``.
        chunk_size: has no effect: examples are computed one after another.

    Returns:
        A function with the arguments of ``func``, which calls it as often as the dimension has elements. It
        learns the shapes for an empty batch by one call with zeros.

    Raises:
        ValueError: dimensions that do not exist or fit the structure; unequal numbers of examples; no tensor
            to go along; an output that is not a tensor; ``chunk_size`` not positive.
        RuntimeError: random numbers were drawn with ``randomness="error"``, or it is another word.

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
        examples, spec = _examples(in_dims, args)
        outputs: list[list] = []
        structure: TreeSpec | None = None
        places: list = []
        before = default_generator.get_state()
        for example in examples or [_empty(in_dims, args)]:
            if randomness == "same":
                default_generator.set_state(before)
            output = func(*tree_unflatten(example, spec), **kwargs)
            if randomness == "error" and default_generator.get_state() != before:
                raise RuntimeError(
                    "vmap: called a random operation while randomness='error'; give randomness='same' or "
                    "'different', or draw the numbers outside"
                )
            if structure is None:
                structure, places = _output_dims(out_dims, output)
            leaves, found = tree_flatten(output)
            if found != structure:
                raise ValueError(
                    "vmap: expected outputs of the same structure for all examples, found others"
                )
            outputs.append(leaves)
        assert structure is not None
        made = [_together(values, place, len(examples)) for values, place in zip(zip(*outputs), places)]
        return tree_unflatten(made, structure)

    return mapped


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


def _examples(in_dims: Any, args: tuple) -> tuple[list[list], TreeSpec]:
    """For each example the leaves of its arguments, and their structure."""
    leaves, spec = tree_flatten(args)
    columns: list = []
    sizes = set()
    for leaf, dim in zip(leaves, _dims(in_dims, args)):
        if dim is None:
            columns.append(None)
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
        columns.append(unbind(leaf, dim))
    if not sizes:
        raise ValueError("vmap: expected at least one tensor to map over, found none")
    if len(sizes) > 1:
        raise ValueError(
            f"vmap: expected all tensors to have the same size in the mapped dimension, found {sorted(sizes)}"
        )
    (size,) = sizes
    return [[leaf if c is None else c[i] for leaf, c in zip(leaves, columns)] for i in range(size)], spec


def _empty(in_dims: Any, args: tuple) -> list:
    """The leaves of an example of zeros, for a batch that has none."""
    made = []
    for leaf, dim in zip(tree_flatten(args)[0], _dims(in_dims, args)):
        if dim is not None:
            shape = list(leaf.shape)
            del shape[dim]
            leaf = from_array(np.zeros(shape, leaf.array.dtype))
        made.append(leaf)
    return made


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


def _together(values: tuple, place: int | None, size: int) -> Any:
    if place is None:
        return values[-1]
    if not size:
        shape = list(values[0].shape)
        shape.insert(place % (len(shape) + 1), 0)
        return from_array(np.zeros(shape, values[0].array.dtype))
    return stack(values, place)


__all__ = ["vmap"]
