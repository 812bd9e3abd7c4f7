"""The sum over blocks of work that makes the gradient of a weight."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from cnn_physics77.core.kernels.elementwise import NANOSECONDS
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.tiling import for_blocks

MOST_PARTS = 8
PARTS_BYTES = 1 << 23  # of all parts together, where two are not already more


def sum_of_parts(
    add: Callable[[np.ndarray, Any], None],
    blocks: Sequence[Any],
    shape: tuple[int, ...],
    like: np.ndarray,
    microseconds: float,
) -> np.ndarray:
    """The sum of what all blocks add to an array of zeros, in parallel and in an order that is fixed.

    Args:
        add: ``add(total, neighbours)`` adds what some neighbouring blocks contribute to ``total``.
        blocks: the work; its number decides the parts, never the number of threads.
        shape: of the sum, which has the dtype of ``like``.
        microseconds: estimated time of all of it in one thread.

    >>> def add(total, neighbours):
    ...     total += sum(neighbours)
    >>> sum_of_parts(add, range(5), (2,), np.zeros(0), microseconds=1)
    array([10., 10.])
    """
    most = PARTS_BYTES // (prod(shape) * like.itemsize or 1)
    count = min(len(blocks), max(2, min(MOST_PARTS, most)))
    parts = np.zeros((count, *shape), like.dtype, like=like)

    def part(index: int) -> None:
        add(parts[index], blocks[index * len(blocks) // count : (index + 1) * len(blocks) // count])

    parallel_for(part, count, microseconds)
    if count < 2:
        return parts.sum(axis=0)  # none or one
    columns = parts.reshape(count, prod(shape))
    total = np.empty(columns.shape[1], like.dtype, like=like)
    for_blocks(
        lambda block: np.add.reduce(columns[:, block], axis=0, out=total[block]),
        total.size,
        bytes_each=count * like.itemsize,
        microseconds=parts.size * NANOSECONDS / 1e3,
    )
    return total.reshape(shape)
