"""Division of work into blocks.

Blocks depend only on shapes, never on the number of threads, so the order of every sum is fixed.
"""

from collections.abc import Callable
from math import ceil

import numpy as np

from cnn_physics77.core.kernels.runtime.parallel import HAND_OVER_MICROSECONDS, ParallelLoop
from cnn_physics77.core.kernels.runtime.scratch import run_block

BLOCK_BYTES = 1 << 21
"""Bytes of the largest array of one block.

Smaller blocks would fit a faster cache, but a call of a NumPy function on a block should take some tens of
microseconds. After a call, a thread waits about 50 us if another one holds the interpreter's lock; with short
calls, two threads would spend more time waiting for each other than working.
"""


def block_length(length: int, bytes_each: int, block_bytes: int = BLOCK_BYTES) -> int:
    """The number of elements of an axis in one block of at most ``block_bytes``.

    All blocks are equal, except that the last may be shorter; their number is even, or 1.

    >>> block_length(5, bytes_each=4, block_bytes=12), block_length(3, bytes_each=4, block_bytes=12)
    (3, 3)
    """
    count = -(-length * bytes_each // block_bytes)
    return max(1, -(-length // (count + count % 2))) if count > 1 else max(1, length)


def for_blocks(
    function: Callable[[slice], object],
    length: int,
    bytes_each: int,
    microseconds: float,
    block_bytes: int = BLOCK_BYTES,
) -> None:
    """Call ``function(slice)`` for the blocks of range(length), in parallel if that is faster.

    A block has at most ``block_bytes``, with ``bytes_each`` per element. ``microseconds`` is the estimated
    time of all blocks in one thread: work that fits one block but is long enough for two threads is split in
    half.

    >>> for_blocks(print, 5, bytes_each=4, microseconds=1)
    slice(0, 5, None)
    """
    step = _step(length, bytes_each, microseconds, block_bytes)
    if step >= length:
        run_block(function, slice(0, length))
    else:
        for_slices(function, length, step, microseconds)


def blocks_loop(
    function: Callable[[slice], object],
    length: int,
    bytes_each: int,
    microseconds: float,
    block_bytes: int = BLOCK_BYTES,
) -> ParallelLoop:
    """The loop of `for_blocks`, not yet run."""
    return _slices_loop(function, length, _step(length, bytes_each, microseconds, block_bytes), microseconds)


def _step(length: int, bytes_each: int, microseconds: float, block_bytes: int) -> int:
    step = block_length(length, bytes_each, block_bytes)
    if step >= length and microseconds >= HAND_OVER_MICROSECONDS:
        return max(1, -(-length // 2))
    return step


def for_slices(function: Callable[[slice], object], length: int, step: int, microseconds: float) -> None:
    """Call ``function(slice)`` for slices of ``step`` elements of range(length), in parallel if faster.

    BLAS runs in one thread meanwhile, even if there is only one slice.

    >>> done = []
    >>> for_slices(done.append, 5, 4, microseconds=1)
    >>> sorted(done, key=lambda part: part.start)
    [slice(0, 4, None), slice(4, 5, None)]
    """
    _slices_loop(function, length, step, microseconds).run()


def _slices_loop(
    function: Callable[[slice], object], length: int, step: int, microseconds: float
) -> ParallelLoop:
    return ParallelLoop(
        lambda block: function(slice(block * step, min(length, (block + 1) * step))),
        -(-length // step),
        microseconds,
    )


def cut(
    batch: int, rows: int, row_bytes: int, least_samples: int = 1, block_bytes: int | None = None
) -> list[tuple[slice, slice]]:
    """Blocks (samples, rows) of about ``block_bytes``, by default `BLOCK_BYTES`, and of similar sizes.

    The samples are divided into an even number of parts. The first block is the largest.

    Args:
        row_bytes: bytes of one row of one sample.
        least_samples: the smallest number of samples of a block (if the batch has as many), even if fewer
            rows fit then.

    >>> cut(64, rows=10, row_bytes=6000)
    [(slice(0, 32, None), slice(0, 10, None)), (slice(32, 64, None), slice(0, 10, None))]
    >>> cut(1, rows=4, row_bytes=2**20)
    [(slice(0, 1, None), slice(0, 2, None)), (slice(0, 1, None), slice(2, 4, None))]
    """
    block_bytes = BLOCK_BYTES if block_bytes is None else block_bytes
    samples = max(1, least_samples, block_bytes // max(1, row_bytes * rows))
    samples = ceil(batch / (2 * ceil(batch / (2 * samples)))) if batch > 1 else 1
    height = max(1, min(rows, block_bytes // max(1, row_bytes * samples)))
    height = ceil(rows / ceil(rows / height))
    return [
        (slice(sample, min(batch, sample + samples)), slice(row, min(rows, row + height)))
        for sample in range(0, batch, samples)
        for row in range(0, rows, height)
    ]


def items(array: np.ndarray) -> np.ndarray:
    """The array with its last axis as one item, which is copied in one piece.

    If the last axis is not contiguous, the array is returned unchanged.

    >>> items(np.zeros((2, 3, 4), np.float32)).dtype, items(np.zeros((2, 3, 4))[..., ::2]).shape
    (dtype('V16'), (2, 3, 2))
    """
    if array.strides[-1] != array.itemsize or array.shape[-1] == 0:
        return array
    return array.view(np.dtype((np.void, array.shape[-1] * array.itemsize)))[..., 0]
