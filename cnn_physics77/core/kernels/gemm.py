"""Matrix products whose bits do not depend on the number of threads.

OpenBLAS divides a large product by the number of its threads, and the parts sum in another order: one and two
threads give different bits in float32. Here a large product is cut into blocks that depend on its shape
alone; the pool computes them, each with BLAS at one thread.
"""

from math import prod

import numpy as np

from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.kernels.runtime.one_call import one_call
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.tiling import for_blocks

UNTHREADED = 1 << 18  # up to this M * N * K, OpenBLAS always uses one thread for two real matrices
UNTHREADED_ELSE = (1 << 12) - 1  # and for complex ones, and a matrix with a vector
BLOCK = 1 << 24  # M * N * K of one of more than two blocks, at least; more than one is cut in half
MOST_BLOCKS = 16
LEAST_LENGTH = 128  # rows or columns of one of more than two blocks
INTEGERS = 1 << 14  # up to this M * N * K, or so, NumPy multiplies integers
OUTER_PER_MICROSECOND = 3e3  # elements of an outer product
MULTIPLICATIONS_PER_MICROSECOND = 3e4  # of one core, float32; decides whether threads pay


def matmul(
    a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None, bias: np.ndarray | None = None
) -> np.ndarray:
    """``a @ b`` as numpy.matmul defines it, large products over all threads.

    Args:
        a: (..., M, K), or (K,).
        b: (..., K, N), or (K,); leading axes broadcast.
        out: receives the result if given; it must not share memory with ``a`` or ``b``.
        bias: (N,), added to every row of the product of two matrices.

    Returns:
        (..., M, N), of the common dtype; without M or N where ``a`` or ``b`` has one dimension.

    Raises:
        ValueError: sizes that do not fit, as numpy.matmul.

    >>> matmul(np.ones((2, 3)), np.ones((3, 1)))
    array([[3.],
           [3.]])
    """
    if a.dtype.kind in "iu" and a.size * b.shape[-1] > INTEGERS and out is None and bias is None:
        return _of_integers(a, b)
    if a.ndim == b.ndim == 2:
        return _of_matrices(a, b, out, bias)
    if bias is not None:
        raise ValueError(f"matmul: expected two matrices with a bias, found shapes {a.shape} and {b.shape}")
    if a.ndim < 2 or b.ndim < 2:
        return blas.in_one_thread(np.matmul, a, b, out=out)
    return _batched(a, b, out, a.shape[-2] * a.shape[-1] * b.shape[-1])


@one_call
def _of_integers(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """NumPy multiplies integers one by one. If no sum can exceed 2^53, it and its terms are exact in float64,
    in whatever order BLAS adds."""
    if a.dtype == b.dtype and a.shape[-1] * _greatest(a) * _greatest(b) <= 1 << 53:
        return matmul(a.astype(np.float64), b.astype(np.float64)).astype(np.int64).astype(a.dtype, copy=False)
    return np.matmul(a, b)


def _greatest(x: np.ndarray) -> int:
    return max(int(x.max(initial=0)), -int(x.min(initial=0)))


def _of_matrices(a: np.ndarray, b: np.ndarray, out: np.ndarray | None, bias: np.ndarray | None) -> np.ndarray:
    (rows, inner), columns = a.shape, b.shape[1]
    if bias is not None and bias.shape != (columns,):
        raise ValueError(f"matmul: expected a bias of shape ({columns},), found {bias.shape}")
    work = rows * inner * columns
    count = _blocks(work, max(rows, columns))
    if work <= UNTHREADED_ELSE or (
        work <= UNTHREADED and rows > 1 < columns and a.dtype.kind == b.dtype.kind != "c"
    ):
        result = np.matmul(a, b, out=out)
    elif inner == len(b) == 1 and a.dtype == b.dtype:
        result = _outer(a, b, out)
    elif count > 1:
        return _by_blocks(a, b, out, bias, count)
    else:
        result = blas.in_one_thread(np.matmul, a, b, out=out)
    if bias is not None:
        result += bias
    return result


def _blocks(work: int, length: int | None = None) -> int:
    """How many blocks: a power of two, so that two, four or eight threads end together.

    ``length`` is that of the side that will be divided. BLAS packs all of the other factor for each block, so
    a block must be long enough to be worth that.
    """
    most = MOST_BLOCKS
    if length is not None:
        most = min(most, max(length // LEAST_LENGTH, 2 if length >= LEAST_LENGTH // 2 else 1))
    wanted = max(work // BLOCK, 2 if work > BLOCK else 1)
    return 1 << min(wanted, most).bit_length() - 1


def _outer(a: np.ndarray, b: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """(M, 1) @ (1, N): every element is one product, which BLAS is slow at."""
    result = np.empty((len(a), b.shape[1]), a.dtype, like=a) if out is None else out
    microseconds = result.size / OUTER_PER_MICROSECOND
    row_bytes = b.shape[1] * b.itemsize
    for_blocks(lambda s: np.multiply(a[s], b, out=result[s]), len(a), row_bytes, microseconds)
    return result


def _by_blocks(
    a: np.ndarray, b: np.ndarray, out: np.ndarray | None, bias: np.ndarray | None, count: int
) -> np.ndarray:
    """One product, cut along the longer side of the result."""
    rows, columns = len(a), b.shape[1]
    result = np.empty((rows, columns), np.result_type(a, b), like=a) if out is None else out
    longer = max(rows, columns)
    step = -(-longer // count)

    def block(index: int) -> None:
        part = slice(index * step, (index + 1) * step)
        if columns >= rows:
            np.matmul(a, b[:, part], out=result[:, part])
            if bias is not None:
                result[:, part] += bias[part]
        else:
            np.matmul(a[part], b, out=result[part])
            if bias is not None:
                result[part] += bias

    parallel_for(block, -(-longer // step), rows * columns * a.shape[1] / MULTIPLICATIONS_PER_MICROSECOND)
    return result


def _batched(a: np.ndarray, b: np.ndarray, out: np.ndarray | None, work: int) -> np.ndarray:
    """Many products, cut along the first axis of the batch."""
    leading = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    total = work * prod(leading)
    if total <= 2 * BLOCK or leading[0] < 2 or a.shape[-1] != b.shape[-2]:
        return blas.in_one_thread(np.matmul, a, b, out=out)
    shape = (*leading, a.shape[-2], b.shape[-1])
    result = np.empty(shape, np.result_type(a, b), like=a) if out is None else out
    a = np.broadcast_to(a, leading + a.shape[-2:], subok=True)
    b = np.broadcast_to(b, leading + b.shape[-2:], subok=True)
    step = -(-leading[0] // _blocks(total))

    def block(index: int) -> None:
        part = slice(index * step, (index + 1) * step)
        np.matmul(a[part], b[part], out=result[part])

    parallel_for(block, -(-leading[0] // step), total / MULTIPLICATIONS_PER_MICROSECOND)
    return result
