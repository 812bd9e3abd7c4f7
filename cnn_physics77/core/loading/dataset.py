"""Data sets, as in ``torch.utils.data``: maps from an index to a sample, and iterables of samples."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.random import numpy_generator

Sample = TypeVar("Sample", covariant=True)


class Dataset(Generic[Sample]):
    """A map-style data set: ``dataset[index]`` is a sample.

    A subclass defines ``__getitem__`` and usually ``__len__``. It may also define ``__getitems__(indices)``,
    which returns a list of samples, if that is faster than one by one. ``a + b`` is
    ``ConcatDataset([a, b])``.

    >>> from cnn_physics77.utils.data import DataLoader, Dataset
    >>> class Squares(Dataset):
    ...     def __getitem__(self, index):
    ...         return index**2
    ...
    ...     def __len__(self):
    ...         return 5
    >>> list(DataLoader(Squares(), batch_size=3))
    [tensor([0, 1, 4]), tensor([ 9, 16])]
    """

    def __getitem__(self, index: Any) -> Sample:
        raise NotImplementedError(
            f"{type(self).__name__}: subclasses of Dataset must implement __getitem__(index)"
        )

    def __add__(self, other: Dataset[Sample]) -> ConcatDataset[Sample]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[Sample]):
    """An iterable-style data set: a subclass defines ``__iter__``. ``a + b`` is ``ChainDataset([a, b])``.

    Each worker of a loader iterates over its own copy of the whole data set. To load every sample once,
    ``__iter__`` takes its share by `get_worker_info`.

    >>> from cnn_physics77.utils.data import DataLoader, IterableDataset
    >>> class Countdown(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(4, 0, -1))
    >>> list(DataLoader(Countdown(), batch_size=2))
    [tensor([4, 3]), tensor([2, 1])]
    """

    def __iter__(self) -> Iterator[Sample]:
        raise NotImplementedError(
            f"{type(self).__name__}: subclasses of IterableDataset must implement __iter__()"
        )

    def __add__(self, other: Dataset[Sample]) -> ChainDataset[Sample]:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Any, ...]]):
    """Samples are tuples of rows: ``dataset[i] == (tensors[0][i], tensors[1][i], ...)``.

    Args:
        *tensors: Tensors (or NumPy arrays) with equal first sizes.
    Raises:
        AssertionError: first sizes differ (as in PyTorch).

    >>> import numpy as np
    >>> data = TensorDataset(np.arange(6).reshape(3, 2), np.array([7, 8, 9]))
    >>> len(data), data[1]
    (3, (array([2, 3]), np.int64(8)))
    """

    def __init__(self, *tensors: Any) -> None:
        if len({tensor.shape[0] for tensor in tensors}) > 1:
            raise AssertionError(
                "TensorDataset: Size mismatch between tensors: expected equal first sizes, found "
                f"shapes {[tuple(tensor.shape) for tensor in tensors]}"
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]


class StackDataset(Dataset[Any]):
    """Several data sets in parallel: a sample is a tuple of their samples, or a dict for keyword arguments.

    Raises:
        ValueError: there are no data sets, both positional and keyword arguments, or unequal lengths.

    >>> StackDataset(x=[1, 2], y="ab")[1]
    {'x': 2, 'y': 'b'}
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("StackDataset: expected data sets as arguments or as keywords, found both")
        self.datasets: Any = args or kwargs
        parts = list(args) or list(kwargs.values())
        if not parts:
            raise ValueError("StackDataset: At least one dataset should be passed")
        lengths = [len(part) for part in parts]
        if len(set(lengths)) > 1:
            raise ValueError(f"StackDataset: Size mismatch between datasets: found lengths {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {key: part[index] for key, part in self.datasets.items()}
        return tuple(part[index] for part in self.datasets)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        def column(part: Any) -> list[Any]:
            samples = samples_at(part, indices)
            if len(samples) != len(indices):
                raise ValueError(
                    f"StackDataset: Nested dataset's output size mismatch. Expected {len(indices)}, "
                    f"got {len(samples)}"
                )
            return samples

        if isinstance(self.datasets, dict):
            columns = {key: column(part) for key, part in self.datasets.items()}
            return [{key: columns[key][i] for key in columns} for i in range(len(indices))]
        return list(zip(*(column(part) for part in self.datasets)))

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[Sample]):
    """The concatenation of several map-style data sets.

    Raises:
        AssertionError: there are no data sets, or one is an IterableDataset (as in PyTorch).

    >>> both = ConcatDataset(["ab", "cde"])
    >>> len(both), both[3], both[-1]
    (5, 'd', 'e')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("ConcatDataset: datasets should not be an empty iterable")
        if any(isinstance(part, IterableDataset) for part in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset; use ChainDataset")
        self.cumulative_sizes = list(itertools.accumulate(len(part) for part in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Sample:
        if index < 0:
            if -index > len(self):
                raise ValueError(
                    f"ConcatDataset: absolute value of index should not exceed dataset length, found {index} "
                    f"with length {len(self)}"
                )
            index += len(self)
        part = bisect.bisect_right(self.cumulative_sizes, index)
        start = self.cumulative_sizes[part - 1] if part else 0
        return self.datasets[part][index - start]


class ChainDataset(IterableDataset[Sample]):
    """The concatenation of several iterable-style data sets.

    Raises:
        AssertionError: on iteration or `len`, if a part is not an IterableDataset (as in PyTorch).
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _parts(self) -> Iterator[Any]:
        for part in self.datasets:
            if not isinstance(part, IterableDataset):
                raise AssertionError(
                    f"ChainDataset only supports IterableDataset, found {type(part).__name__}; use "
                    "ConcatDataset"
                )
            yield part

    def __iter__(self) -> Iterator[Sample]:
        for part in self._parts():
            yield from part

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts())


class Subset(Dataset[Sample]):
    """The samples of `dataset` at `indices`, in that order.

    >>> list(Subset("abcd", [3, 0]))
    ['d', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        if type(self).__getitem__ is not Subset.__getitem__:  # a subclass that changes the samples
            return [self[i] for i in indices]
        return samples_at(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def samples_at(dataset: Any, indices: list[int]) -> list[Any]:
    """The samples at `indices` as a list, from the data set's ``__getitems__`` if it has one."""
    batched = getattr(dataset, "__getitems__", None)
    return batched(indices) if callable(batched) else [dataset[i] for i in indices]


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Any = None) -> list[Subset[Any]]:
    """Split a data set at random into parts that do not overlap.

    Args:
        dataset: the data set.
        lengths: the lengths of the parts, or fractions that sum to 1. Part i then gets
            floor(fraction * length) samples; the remaining samples go to the first parts, one each.
        generator: a Generator, or NumPy's, for the permutation; None for the default generator.
    Raises:
        ValueError: the lengths do not sum to the data set's length, or a fraction is outside [0, 1].

    >>> import numpy as np
    >>> [len(part) for part in random_split(range(10), [0.5, 0.35, 0.15], np.random.default_rng(0))]
    [6, 3, 1]
    """
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        for i, fraction in enumerate(lengths):
            if not 0 <= fraction <= 1:
                raise ValueError(f"random_split: Fraction at index {i} is not between 0 and 1: {fraction}")
        sizes = [math.floor(len(dataset) * fraction) for fraction in lengths]
        for i in range(len(dataset) - sum(sizes)):
            sizes[i % len(sizes)] += 1
        for i, size in enumerate(sizes):
            if size == 0:
                warn(f"Length of split at index {i} is 0. This might result in an empty dataset.")
    else:
        sizes = [int(length) for length in lengths]
    if sum(sizes) != len(dataset):
        raise ValueError(
            "random_split: Sum of input lengths does not equal the length of the input dataset! "
            f"Expected {len(dataset)}, found {sum(sizes)} from {list(lengths)}"
        )
    order = numpy_generator(generator).permutation(len(dataset)).tolist()
    return [Subset(dataset, order[end - size : end]) for end, size in zip(itertools.accumulate(sizes), sizes)]


__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]
