"""Samplers, as in ``torch.utils.data``: the order in which a loader visits a data set. The same seed gives
PyTorch's order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from cnn_physics77.core.operations.creation.draws import indices
from cnn_physics77.core.random import Generator, default_generator, numpy_generator

Index = TypeVar("Index", covariant=True)


class Sampler(Generic[Index]):
    """An iterable of indices, or of lists of indices: a subclass defines ``__iter__``, often ``__len__``."""

    def __iter__(self) -> Iterator[Index]:
        raise NotImplementedError(f"{type(self).__name__}: subclasses of Sampler must implement __iter__()")


class SequentialSampler(Sampler[int]):
    """0, 1, ..., len(data_source) - 1."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


def _check_number(owner: str, name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{owner}: {name} should be a positive integer value, but got {name}={value}")


class RandomSampler(Sampler[int]):
    """A new random order in every pass.

    Args:
        data_source: what to sample from; only its length is used.
        replacement: draw each index independently, instead of a permutation. The numbers are drawn 32 at a
            time during the pass, so `num_samples` may be arbitrarily large. They are the numbers that a
            single draw of `num_samples` would give.
        num_samples: how many to draw; None for len(data_source). Without replacement, a number larger than
            the data set gives complete permutations one after another, then part of one.
        generator: a Generator, or NumPy's, from which every pass draws while it runs. None: each pass seeds
            its own generator from the default one when it starts, so that random numbers in the loop body do
            not change the order.
    Raises:
        TypeError: `replacement` is not a boolean.
        ValueError: `num_samples` is not a positive integer.

    >>> sorted(RandomSampler(range(5), generator=np.random.default_rng(0)))
    [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(
                f"RandomSampler: replacement should be a boolean value, but got replacement={replacement}"
            )
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _check_number("RandomSampler", "num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """The number of indices in one pass."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        generator = self.generator
        if generator is None:
            generator = Generator().manual_seed(int(default_generator.numpy.integers(2**63)))
        numbers = numpy_generator(generator)
        count, remaining = len(self.data_source), self.num_samples
        while remaining > 0:
            if self.replacement:
                drawn = numbers.integers(count, size=min(32, remaining))
            else:
                drawn = numbers.permutation(count)[:remaining]
            remaining -= len(drawn)
            yield from drawn.tolist()
        if not (self.replacement or self.num_samples % count):
            numbers.permutation(count)  # PyTorch draws one for the remainder, whether there is one or not

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in a new random order in every pass, each once.

    Args:
        indices: what to sample from.
        generator: a Generator, or NumPy's; None for the default generator.
    """

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in numpy_generator(self.generator).permutation(len(self.indices)).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices 0 to len(weights) - 1, each drawn with probability weights[i] / sum(weights).

    Args:
        weights: non-negative, 1-D, not all zero.
        num_samples: how many to draw; all are drawn when a pass starts.
        replacement: whether an index may occur more than once in a pass.
        generator: a Generator, or NumPy's; None for the default generator.
    Raises:
        ValueError: an argument has the wrong type, a weight is negative or not finite, or there are more
            samples without replacement than positive weights.

    >>> list(WeightedRandomSampler([0.0, 3.0, 0.0], 4))
    [1, 1, 1, 1]
    """

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Any = None
    ) -> None:
        _check_number("WeightedRandomSampler", "num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(
                "WeightedRandomSampler: replacement should be a boolean value, but got "
                f"replacement={replacement}"
            )
        self.weights = np.asarray(weights, dtype=np.float64)
        if self.weights.ndim != 1:
            raise ValueError(
                "WeightedRandomSampler: weights should be a 1d sequence but given weights have "
                f"shape {self.weights.shape}"
            )
        if not np.all(np.isfinite(self.weights)) or np.any(self.weights < 0) or not np.any(self.weights > 0):
            raise ValueError(
                "WeightedRandomSampler: expected finite weights >= 0, at least one above 0, "
                f"found {self.weights.tolist()!r:.60}"
            )
        if not replacement and num_samples > np.count_nonzero(self.weights):
            raise ValueError(
                f"WeightedRandomSampler: cannot draw {num_samples} samples without replacement "
                f"from {np.count_nonzero(self.weights)} positive weights; lower num_samples or set "
                "replacement=True"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        numbers = numpy_generator(self.generator)
        yield from indices(numbers, self.weights[None], self.num_samples, self.replacement)[0].tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` indices from another sampler; `drop_last` drops a shorter last one.

    Raises:
        ValueError: `batch_size` is not a positive integer or `drop_last` not a boolean.

    >>> list(BatchSampler(SequentialSampler(range(10)), batch_size=3, drop_last=False))
    [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    """

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        _check_number("BatchSampler", "batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(
                f"BatchSampler: drop_last should be a boolean value, but got drop_last={drop_last}"
            )
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]
