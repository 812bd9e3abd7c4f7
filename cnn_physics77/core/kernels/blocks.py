"""How the fast convolutions cut their work, and how they move pixels.

A block is a range of samples and a strip of rows. It depends on shapes alone, never on the number of threads,
so the order of every sum is fixed.
"""

from math import ceil

import numpy as np

# Of the largest array of one block. A thread that has finished one NumPy call waits some 50 us for the
# interpreter's lock if it finds it taken, so calls much shorter than 100 us gain nothing from a second
# thread, even though smaller blocks would fit a nearer cache.
BLOCK_BYTES = 1 << 21


def cut(
    batch: int, rows: int, row_bytes: int, least_samples: int = 1, block_bytes: int | None = None
) -> list[tuple[slice, slice]]:
    """Blocks (samples, rows) of about `BLOCK_BYTES`, or the number of bytes given, alike in size, the samples
    in an even number of groups. The first is the largest.

    Args:
        row_bytes: of one row of one sample.
        least_samples: a block has this many samples where the batch does, even if fewer rows fit then.

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
    """The last axis taken as one item, which copies move in one piece; as it is where that axis is not
    contiguous.

    >>> items(np.zeros((2, 3, 4), np.float32)).dtype, items(np.zeros((2, 3, 4))[..., ::2]).shape
    (dtype('V16'), (2, 3, 2))
    """
    if array.strides[-1] != array.itemsize or array.shape[-1] == 0:
        return array
    return array.view(np.dtype((np.void, array.shape[-1] * array.itemsize)))[..., 0]
