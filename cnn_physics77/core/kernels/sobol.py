"""Sobol's sequence: points that fill a cube evenly.

Sources: I. M. Sobol, "On the distribution of points in a cube and the approximate evaluation of integrals",
USSR Computational Mathematics and Mathematical Physics 7 (1967); P. Bratley, B. L. Fox, "Algorithm 659", ACM
Transactions on Mathematical Software 14 (1988); the initial numbers of S. Joe, F. Y. Kuo, "Constructing Sobol
sequences with better two-dimensional projections", SIAM Journal on Scientific Computing 30 (2008).
"""

from __future__ import annotations

import numpy as np

BITS = 30

_INITIAL = """
3:1 7:1,3 11:1,3,1 13:1,1,1 19:1,1,3,3 25:1,3,5,13 37:1,1,5,5,17 41:1,1,5,5,5 47:1,1,7,11,19 55:1,1,5,1,1
59:1,1,1,3,11 61:1,3,5,5,31 67:1,3,3,9,7,49 91:1,1,1,15,21,21 97:1,3,1,13,27,49 103:1,1,1,15,7,5
109:1,3,1,15,13,25 115:1,1,5,5,19,61 131:1,3,7,11,23,15,103 137:1,3,7,13,13,15,69 143:1,1,3,13,7,35,63
145:1,3,5,9,1,25,53 157:1,3,1,13,9,35,107 167:1,3,1,5,27,61,31 171:1,1,5,11,19,41,61 185:1,3,5,3,3,13,69
191:1,1,7,13,1,19,1 193:1,3,7,5,13,19,59 203:1,1,3,9,25,29,41 211:1,3,5,13,23,1,55 213:1,3,7,3,13,59,17
229:1,3,1,3,5,53,69 239:1,1,5,5,23,33,13 241:1,1,7,7,1,61,123 247:1,1,7,9,13,61,49 253:1,3,3,5,3,55,33
285:1,3,1,15,31,13,49,245 299:1,3,5,15,31,59,63,97 301:1,3,1,11,11,11,77,249 333:1,3,1,11,27,43,71,9
351:1,1,7,15,21,11,81,45 355:1,3,7,3,25,31,65,79 357:1,3,1,1,19,11,3,205 361:1,1,5,9,19,21,29,157
369:1,3,7,11,1,33,89,185 391:1,3,3,3,15,9,79,71 397:1,3,7,11,15,39,119,27 425:1,1,3,1,11,31,97,225
451:1,1,1,3,23,43,57,177 463:1,3,7,7,17,17,37,71 487:1,3,1,5,27,63,123,213 501:1,1,3,5,11,43,53,133
529:1,3,5,5,29,17,47,173,479 539:1,3,3,11,3,1,109,9,69 545:1,1,1,5,17,39,23,5,343
557:1,3,1,5,25,15,31,103,499 563:1,1,1,11,11,17,63,105,183 601:1,1,5,11,9,29,97,231,363
607:1,1,5,15,19,45,41,7,383 617:1,3,7,7,31,19,83,137,221 623:1,1,1,3,23,15,111,223,83
631:1,1,5,13,31,15,55,25,161 637:1,1,3,13,25,47,39,87,257
"""
"""For each dimension after the first one, a primitive polynomial over the integers modulo 2, a number whose
bits are the coefficients, and the first m_j."""

DIMENSIONS = 1 + len(_INITIAL.split())


def direction_numbers(dimensions: int) -> np.ndarray:
    """v_j = m_j 2^(30-j) for j = 1, ..., 30, of each dimension.

    With a polynomial x^s + a_1 x^(s-1) + ... + 1, the exclusive or of 2^k a_k m_(j-k) for k = 1, ..., s, and
    m_(j-s), is m_j. In the first dimension, all m_j are 1.

    >>> direction_numbers(2)[:, :3] / 2**30
    array([[0.5  , 0.25 , 0.125],
           [0.5  , 0.75 , 0.625]])
    """
    found = np.ones((dimensions, BITS), np.int64)
    for row, entry in zip(found[1:], _INITIAL.split()):
        polynomial, _, first = entry.partition(":")
        a, m = int(polynomial), [int(number) for number in first.split(",")]
        s = len(m)
        while len(m) < BITS:
            new = m[-s]
            for k in range(1, s + 1):
                new ^= (a >> (s - k) & 1) * m[-k] << k
            m.append(new)
        row[:] = m
    return found << np.arange(BITS - 1, -1, -1)


def points(numbers: np.ndarray, shift: np.ndarray, first: int, count: int) -> np.ndarray:
    """Points number ``first``, ... of the sequence, as integers from 0 to 2^30 - 1: (count, dimensions).

    Point k is the exclusive or of the v_j for all bits j of its Gray code, k ^ (k >> 1), and the shift.
    """
    k = np.arange(first, first + count)
    gray = k ^ (k >> 1)
    found = np.repeat(shift[None], count, axis=0)
    for j in range(int(first + count).bit_length()):
        found ^= (gray >> j & 1)[:, None] * numbers[:, j]
    return found


def scrambled(numbers: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """The direction numbers, the bits of each multiplied by a lower triangular matrix modulo 2.

    Args:
        matrices: (dimensions, 30, 30), of 0 and 1; their diagonals count as 1.
    """
    places = np.arange(BITS - 1, -1, -1)
    lower = np.tril(matrices, -1) + np.eye(BITS, dtype=np.int64)
    bits = numbers[..., None] >> places & 1
    return (np.einsum("dpk,djk->djp", lower, bits) % 2 << places).sum(-1)
