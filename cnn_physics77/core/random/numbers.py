"""PyTorch's random numbers, from NumPy's Mersenne Twister: the same seed gives the numbers of its CPU build.

A seed starts MT19937 (M. Matsumoto and T. Nishimura, ACM TOMACS 8, 1998). Its words w of 32 bits, or two of
them as one of 64, W = 2³² w₁ + w₂, become

- uniform on [0, 1): (w mod 2²⁴) / 2²⁴ in single precision, (W mod 2⁵³) / 2⁵³ in double precision;
- normal: r cos θ and r sin θ of two uniform numbers (G. Box and M. Muller, Ann. Math. Stat. 29, 1958);
- integers of a range n: w mod n, or W mod n if n is 2²⁸ or more;
- a permutation: element i changes places with i + (w mod (n - i)) (R. A. Fisher and F. Yates, 1938).

In single precision the last digits of normal numbers may differ from PyTorch's, as these depend on the
processor. So may the last digit of a uniform number u of a range [a, b), also in double precision: here
(b - a) u + a is rounded twice, PyTorch's code for AVX2 rounds it once. On processors by Intel PyTorch draws
exponential numbers, and Bernoulli trials of one probability (dropout), by the MKL; ours are those of all
others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnn_physics77.core.random import rejection

_BLOCK = 1 << 15  # numbers made at a time, so that the words stay in the cache
_PAIRED = 16  # normal numbers of one group: eight cosines, then their sines


class Numbers(np.random.Generator):
    """NumPy's generator; uniform, normal and exponential numbers, integers and permutations are PyTorch's.

    So are gamma, Poisson and binomial numbers, which :mod:`rejection` draws one after another. What is not
    defined here are NumPy's numbers from the same words.

    >>> Numbers.of_seed(0).random(3).round(6)    # torch.manual_seed(0), torch.rand(3, dtype=torch.float64)
    array([0.970053, 0.70782 , 0.459383])
    """

    second: float | None = None
    """The sine that belongs to the last cosine; the next normal number of a small array."""

    @classmethod
    def of_seed(cls, seed: int) -> Numbers:
        """The numbers that begin with a seed, of which 32 bits count."""
        bits = np.random.MT19937(0)
        state: Any = np.random.RandomState(seed % 2**32).get_state(legacy=False)
        bits.state = state
        return cls(bits)

    # ------------------------------------------------------------------------------------------- words

    def words(self, count: int) -> np.ndarray:
        """The next words of 32 bits, uint32."""
        return super().integers(0, 2**32, count, np.uint32)

    def long_words(self, count: int) -> np.ndarray:
        """The next words of 64 bits, uint64."""
        pairs = self.words(2 * count).reshape(-1, 2)
        joined = pairs[:, 0].astype(np.uint64)
        joined <<= np.uint64(32)
        joined |= pairs[:, 1]
        return joined

    def _made(self, size: Any, dtype: Any, values: Callable[[int], np.ndarray]) -> Any:
        """An array of values, in C order; without a size one number."""
        if size is None:
            return values(1)[0]
        made = np.empty(size, dtype)
        flat = made.reshape(-1)
        with self.bit_generator.lock:
            for start in range(0, flat.size, _BLOCK):
                part = flat[start : start + _BLOCK]
                part[...] = values(part.size)
        return made

    # -------------------------------------------------------------------------------------- distributions

    def random(self, size=None, dtype=np.float64, out=None):
        """Uniform numbers on [0, 1), in single or double precision."""
        if out is not None:
            raise TypeError("random: expected no argument out, found one")
        return self._made(size, dtype, self._singles if np.dtype(dtype).itemsize == 4 else self._doubles)

    def _singles(self, count: int) -> np.ndarray:
        words = self.words(count)
        words &= np.uint32(2**24 - 1)
        drawn = words.astype(np.float32)
        drawn *= np.float32(2.0**-24)
        return drawn

    def _halves(self, count: int) -> np.ndarray:
        """Rounded to half precision, as singles."""
        return self._singles(count).astype(np.float16).astype(np.float32)

    def _doubles(self, count: int) -> np.ndarray:
        words = self.long_words(count)
        words &= np.uint64(2**53 - 1)
        return words * 2.0**-53

    def standard_exponential(self, size=None, dtype=np.float64, method="inv", out=None):
        """-log(1 - u) of uniform numbers u in double precision."""
        if out is not None:
            raise TypeError("standard_exponential: expected no argument out, found one")
        return self._made(size, dtype, lambda count: -np.log1p(-self._doubles(count)))

    def standard_normal(self, size=None, dtype=np.float64, out=None):
        """Normal numbers of mean 0 and variance 1: fewer than 16 one after another, else in groups."""
        if out is not None:
            raise TypeError("standard_normal: expected no argument out, found one")
        made = np.empty(() if size is None else size, dtype)
        if made.size < _PAIRED:
            return self.normal_one_by_one(size, dtype)
        uniform = {2: self._halves, 4: self._singles, 8: self._doubles}[made.itemsize]
        flat = made.reshape(-1)
        with self.bit_generator.lock:
            whole = flat.size // _PAIRED * _PAIRED
            for start in range(0, whole, _BLOCK):
                part = flat[start : min(start + _BLOCK, whole)]
                part[...] = _in_groups(uniform(part.size))
            if rest := flat.size - whole:  # the last group is made anew, over some of the one before
                if made.itemsize > 2:
                    uniform(rest)
                flat[-_PAIRED:] = _in_groups(uniform(_PAIRED))
        return made

    def normal_one_by_one(self, size=None, dtype=np.float64):
        """Normal numbers of mean 0 and variance 1, cosine and sine in turns, computed in double precision."""
        count = math.prod(size) if isinstance(size, tuple) else 1 if size is None else int(size)
        with self.bit_generator.lock:
            held = [] if self.second is None or not count else [self.second]
            uniform = self._doubles(2 * ((count - len(held) + 1) // 2)).reshape(-1, 2)
            radius, angle = np.sqrt(-2 * np.log1p(-uniform[:, 1])), 2 * math.pi * uniform[:, 0]
            pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
            drawn = np.concatenate([held, pairs.ravel()])
            if count:
                self.second = float(drawn[count]) if len(drawn) > count else None
        drawn = drawn[:count].astype(dtype)
        return drawn[0] if size is None else drawn.reshape(size)

    def standard_gamma(self, shape, size=None, dtype=np.float64, out=None):
        """Gamma numbers of these shapes, and rate 1."""
        return rejection.samples(self, rejection.gamma, dtype, size, shape)

    def poisson(self, lam=1.0, size=None):
        """Poisson numbers of these rates, int64."""
        return rejection.samples(self, rejection.poisson, np.int64, size, lam)

    def binomial(self, n, p, size=None):
        """Numbers of successes in n trials of probability p, float64."""
        return rejection.samples(self, rejection.binomial, np.float64, size, n, p)

    def integers(self, low, high=None, size=None, dtype=np.int64, endpoint=False):
        """Integers from low to high (exclusive), int64."""
        if high is None:
            low, high = 0, low
        span = int(high) - int(low) + endpoint
        if not 0 < span <= 2**64:
            raise ValueError(f"integers: expected low < high, found {low} and {high}")

        def values(count: int) -> np.ndarray:
            if span < 2**28:
                words = self.words(count)
                words %= np.uint32(span)
                return np.add(words, low, dtype=np.int64)
            drawn = self.long_words(count)
            if span < 2**64:
                drawn %= np.uint64(span)
            return (drawn + np.uint64(int(low) % 2**64)).view(np.int64)

        return self._made(size, dtype, values)

    def permutation(self, x, axis=0):
        """A permutation of the integers from 0 to x - 1; of an array, NumPy's."""
        if not isinstance(x, int | np.integer):
            return super().permutation(x, axis)
        n = int(x)
        many = max(n - 1, 0)
        drawn = self.words(many) if n < (2**32 - 1) // 20 else self.long_words(many)
        others = np.arange(n)
        others[:many] += (drawn % np.arange(n, n - many, -1, dtype=drawn.dtype)).astype(np.int64)
        return _exchanged(others)


def _exchanged(others: np.ndarray) -> np.ndarray:
    """The integers from 0 on after each place i, one after another, was exchanged with ``others[i]`` ≥ i.

    What stands at i before its turn came there from the last place that was exchanged with i, where it stood
    before the turn of that one, and so on. At its turn i receives it from ``others[i]``, which has what the
    place exchanged with it most recently had, or its own.
    """
    places = np.arange(len(others))
    standing, moved = places.copy(), others > places
    standing[others[moved]] = places[moved]  # of several the last
    while not np.array_equal(further := standing[standing], standing):
        standing = further
    turns = np.sort(others * len(others) + places) % max(len(others), 1)  # by others, then by place
    again = np.flatnonzero(others[turns[1:]] == others[turns[:-1]])
    received = others.copy()
    received[turns[again + 1]] = standing[turns[again]]
    return received


def _in_groups(uniform: np.ndarray) -> np.ndarray:
    """Normal numbers of uniform ones: of each 16, eight give the radius, and eight the angle."""
    first, second = uniform.reshape(-1, 2, _PAIRED // 2).swapaxes(0, 1)
    kind = uniform.dtype.type
    radius = np.sqrt(kind(-2) * np.log(kind(1) - first))
    angle = kind(2 * math.pi) * second
    pairs = np.empty((len(first), 2, _PAIRED // 2), kind)
    np.cos(angle, out=pairs[:, 0])
    np.sin(angle, out=pairs[:, 1])
    pairs *= radius[:, None]
    return pairs.ravel()
