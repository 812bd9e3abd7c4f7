"""Work by an algorithm that mixes values, and its correction by the exact product (see `dynamic_range`).

All pieces are computed by the fast algorithm, each with a look at what it read. Then those that are not in
order are computed again: no thread waits for a decision, and nearly always nothing is left to do.
"""

from collections.abc import Callable, Sequence

import numpy as np

from cnn_physics77.core.kernels.convolution import im2col_nhwc
from cnn_physics77.core.kernels.convolution.dynamic_range import Screen
from cnn_physics77.core.kernels.convolution.nhwc_windows import NHWCWindows
from cnn_physics77.core.kernels.convolution.sum_of_parts import Parts
from cnn_physics77.core.kernels.runtime.choice import where_not
from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop, Steps
from cnn_physics77.core.kernels.windows import Size

Piece = tuple[slice, slice]
"""Samples and strips."""

EXACT = 4.0  # the time of the exact product, at most, over that of the fast algorithm


def screened_map(
    screen: Screen,
    block: Callable[[int], None],
    count: int,
    exact: Callable[[Piece], None],
    pieces: Sequence[Piece],
    microseconds: float,
) -> Steps[None]:
    """Run ``block(index)`` for index in range(count), and ``exact`` for each piece that is not in order.

    Args:
        block: writes the results of some pieces, and looks at what they read.
        exact: writes those of a piece.
        microseconds: estimated time of all blocks in one thread.
    """
    yield ParallelLoop(block, count, microseconds)
    where_not(screen.in_order(), lambda index: exact(pieces[index]), EXACT * microseconds)


def screened_sum(
    screens: tuple[Screen, Screen],
    add: Callable[[np.ndarray, Sequence[Piece]], None],
    exact: Callable[[np.ndarray, Sequence[Piece]], None],
    pieces: Sequence[Piece],
    shape: tuple[int, ...],
    like: np.ndarray,
    microseconds: float,
) -> Steps[np.ndarray]:
    """The sum of what all pieces add to an array of zeros (see `sum_of_parts`).

    Args:
        add: ``add(total, neighbours)`` writes what some neighbouring pieces contribute, and looks at what
            they read.
        exact: ``exact(total, neighbours)`` writes the same anew; for parts that have a piece out of order.
    """
    parts = Parts(pieces, shape, like)
    yield ParallelLoop(lambda index: add(*parts[index]), len(parts), microseconds)
    if len(parts):
        in_order = np.logical_and(*(screen.in_order() for screen in screens))
        in_order = np.logical_and.reduceat(in_order, parts.starts)
        where_not(in_order, lambda index: exact(*parts[index]), EXACT * microseconds)
    return parts.sum()


class ExactPieces:
    """Writes pieces of a correlation's output by the exact product."""

    def __init__(
        self,
        images: np.ndarray,
        kernel: np.ndarray,
        padding: Size,
        bias: np.ndarray | None,
        y: np.ndarray,
        m: int,
    ) -> None:
        self.images, self.kernel, self.bias, self.y, self.m = images, kernel, bias, y, m
        self.padding = padding

    def write(self, piece: tuple[slice, slice]) -> None:
        origin = tuple(-p for p in self.padding)
        windows = NHWCWindows(origin, self.kernel.shape[:2], (1, 1), (1, 1), self.y.shape[1:3])
        samples, strips = piece
        rows = rows_of(strips, self.m, self.y.shape[1])
        product = im2col_nhwc.WindowProduct(self.kernel, windows, self.bias, rows.stop - rows.start)
        product(self.images, samples, rows, self.y)


def rows_of(strips: slice, m: int, height: int) -> slice:
    """The rows of some strips of m rows; the last one may be cut."""
    return slice(strips.start * m, min(height, strips.stop * m))
