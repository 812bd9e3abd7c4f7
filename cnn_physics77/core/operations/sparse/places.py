"""Places of the elements that a sparse tensor stores, int64 (sparse dimensions, stored elements), and their
numbers: the indices in the flattened tensor of these dimensions."""

from __future__ import annotations

import numpy as np


def numbers_of(places: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """The number of each place, int64 (stored elements).

    >>> numbers_of(np.array([[0, 1], [2, 0]]), (2, 3))
    array([2, 3])
    """
    number = np.zeros(places.shape[1], np.int64)
    for index, n in zip(places, sizes):
        number = number * n + index
    return number


def places_of(numbers: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """The places of these numbers: the inverse of :func:`numbers_of`.

    >>> places_of(np.array([2, 3]), (2, 3))
    array([[0, 1],
           [2, 0]])
    """
    if not sizes:
        return np.empty((0, len(numbers)), np.int64)
    return np.array(np.unravel_index(numbers, sizes), np.int64)


def groups(places: np.ndarray, sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the different places, sorted; and for each element, which of them is its place.

    >>> groups(np.array([[0, 1, 0], [2, 0, 2]]), (2, 3))
    (array([2, 3]), array([0, 1, 0]))
    """
    numbers, group = np.unique(numbers_of(places, sizes), return_inverse=True)
    return numbers, group.reshape(-1)


def common(a: np.ndarray, b: np.ndarray, sizes: tuple[int, ...]) -> list[np.ndarray]:
    """Which elements of a, and which of b, are at the places that both have; each has a place once.

    >>> common(np.array([[0, 2]]), np.array([[1, 2]]), (3,))
    [array([1]), array([1])]
    """
    of_a, of_b = numbers_of(a, sizes), numbers_of(b, sizes)
    return list(np.intersect1d(of_a, of_b, assume_unique=True, return_indices=True)[1:])
