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


class Parts:
    """The parts of a sum over blocks of work, each an array of zeros for some neighbouring blocks.

    Their number follows from that of the blocks, never from the number of threads.

    Args:
        shape: of the sum, which has the dtype of ``like``.
    """

    def __init__(self, blocks: Sequence[Any], shape: tuple[int, ...], like: np.ndarray) -> None:
        most = PARTS_BYTES // (prod(shape) * like.itemsize or 1)
        count = min(len(blocks), max(2, min(MOST_PARTS, most)))
        self.blocks, self.shape = blocks, shape
        self.starts = [index * len(blocks) // count for index in range(count)]
        self.arrays = np.zeros((count, *shape), like.dtype, like=like)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> tuple[np.ndarray, Sequence[Any]]:
        """A part, and the blocks that are added to it."""
        start, stop = (*self.starts, len(self.blocks))[index : index + 2]
        return self.arrays[index], self.blocks[start:stop]

    def sum(self) -> np.ndarray:
        """The sum of the parts."""
        count = len(self)
        if count < 2:
            return self.arrays.sum(axis=0)  # none or one
        columns = self.arrays.reshape(count, prod(self.shape))
        total = np.empty(columns.shape[1], columns.dtype, like=columns)
        for_blocks(
            lambda block: np.add.reduce(columns[:, block], axis=0, out=total[block]),
            total.size,
            bytes_each=count * total.itemsize,
            microseconds=columns.size * NANOSECONDS / 1e3,
        )
        return total.reshape(self.shape)


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
    parts = Parts(blocks, shape, like)
    parallel_for(lambda index: add(*parts[index]), len(parts), microseconds)
    return parts.sum()
