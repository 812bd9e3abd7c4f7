"""The steps of packed sequences."""

from itertools import accumulate

import numpy as np

from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.runtime.tiling import for_blocks

Sizes = tuple[int, ...]


def steps(sizes: Sizes, reverse: bool) -> list[tuple[int, int]]:
    """The first row of each step and its number of rows, in the order in which the steps are taken.

    >>> steps((3, 2), False), steps((3, 2), True)
    ([(0, 3), (3, 2)], [(3, 2), (0, 3)])
    """
    found = list(zip(accumulate(sizes, initial=0), sizes))
    return found[::-1] if reverse else found


def before_each_step(states: np.ndarray, first: np.ndarray, sizes: Sizes, reverse: bool) -> np.ndarray:
    """The state before each step, row by row.

    Args:
        states: the states after the steps, (rows, H).
        first: the initial state, (N, H).

    >>> before_each_step(np.array([[1], [2], [3]]), np.array([[10], [20]]), (2, 1), False).ravel()
    array([10, 20,  1])
    >>> before_each_step(np.array([[1], [2], [3]]), np.array([[10], [20]]), (2, 1), True).ravel()
    array([ 3, 20, 10])
    """
    before = np.empty_like(states)
    last, known = 0, 0
    for start, n in steps(sizes, reverse):
        both = min(n, known)  # the other sequences begin at this step
        before[start : start + both] = states[last : last + both]
        before[start + both : start + n] = first[both:n]
        last, known = start, n
    return before


def sum_of_rows(x: np.ndarray) -> np.ndarray:
    """The sum over rows, as a product with ones, which is faster than a sum over a leading dimension.

    >>> sum_of_rows(np.ones((3, 2)))
    array([3., 3.])
    """
    return matmul(np.ones(len(x), x.dtype, like=x), x)


def sigmoid(x: np.ndarray) -> None:
    """x <- 1 / (1 + exp(-x)), in place."""
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += 1
    np.reciprocal(x, out=x)


def for_rows(function, array: np.ndarray) -> None:
    """Call ``function(rows)`` for blocks of the rows of an array, which takes some ten passes over each."""
    for_blocks(function, len(array), array.shape[1] * array.itemsize, array.size * 4e-3)
