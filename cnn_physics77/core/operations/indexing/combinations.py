"""Tensors made of all combinations, or of all pieces, of others."""

from __future__ import annotations

import itertools
import operator

import numpy as np

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import cast, common_dtype
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.indexing.cat_split import cat, meshgrid, stack
from cnn_physics77.core.operations.indexing.pad import pad
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor, from_array


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of one element of each vector, in the order of nested loops.

    Args:
        tensors: vectors of one dtype.

    Returns:
        (product of the sizes, number of vectors); a single vector is returned as it is.

    Raises:
        ShapeError: one is no vector, or there is none.

    >>> import cnn_physics77 as torch
    >>> torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    given = [as_tensor_input("cartesian_prod", t) for t in tensors]
    if not given or any(t.array.ndim != 1 for t in given):
        found = ", ".join(str(t.array.shape) for t in given) or "none"
        raise ShapeError(f"cartesian_prod: expected one or more vectors, found {found}; flatten them")
    if len(given) == 1:
        return given[0]
    return stack(meshgrid(*given, indexing="ij"), -1).reshape((-1, len(given)))


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of r elements of a vector, in the order of :func:`itertools.combinations`.

    Args:
        input: a vector.
        r: the number of elements, not negative.
        with_replacement: whether an element may occur several times.

    Returns:
        (number of combinations, r); empty, of shape (0), for r = 0.

    Raises:
        ShapeError: the input is no vector.
        ArgumentError: r is negative.

    >>> import cnn_physics77 as torch
    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    x, r = as_tensor_input("combinations", input), operator.index(r)
    if x.array.ndim != 1:
        raise ShapeError(f"combinations: expected a vector, found shape {x.array.shape}; flatten it")
    if r < 0:
        raise ArgumentError(f"combinations: expected r of at least 0, found {r}")
    if r == 0:
        return x[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = np.array(list(choose(range(len(x.array)), r)), np.int64).reshape(-1, r)
    return x[from_array(chosen)]


def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the given ones along its diagonal, and zeros elsewhere.

    Args:
        tensors: matrices; a vector counts as a row, and a 0-d tensor as 1 x 1.

    Returns:
        Of the promoted dtype; (1, 0) without arguments.

    Raises:
        ShapeError: one has more than 2 dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.block_diag(torch.tensor([[1, 2]]), torch.tensor(3))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    blocks = []
    for index, value in enumerate(tensors):
        block = as_tensor_input("block_diag", value)
        if block.array.ndim > 2:
            raise ShapeError(
                f"block_diag: expected at most 2 dimensions, found shape {block.array.shape} as "
                f"number {index}"
            )
        blocks.append(block if block.array.ndim == 2 else block.reshape((1, -1)))
    if not blocks:
        return from_array(np.empty((1, 0), np.float32))
    dtype = common_dtype("block_diag", *blocks)
    width, before, rows = sum(b.array.shape[1] for b in blocks), 0, []
    for block in blocks:
        after = width - before - block.array.shape[1]
        rows.append(pad(cast(block, dtype=dtype), (before, after)))
        before += block.array.shape[1]
    return cat(rows, 0)


__all__ = ["block_diag", "cartesian_prod", "combinations"]

complete_late(__name__)
