"""Fetching a batch of a data set, in a worker or in the calling thread."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from cnn_physics77.core.tensor import Tensor

from .collate import default_collate
from .dataset import TensorDataset, samples_at

Collate = Callable[[Any], Any]


class MapFetcher:
    """Batches of a map-style data set: ``fetch(indices)``, or ``fetch(index)`` without batching."""

    def __init__(self, dataset: Any, collate_fn: Collate, batched: bool) -> None:
        self._dataset = dataset
        self._collate = collate_fn
        self._batched = batched
        self._gathers = (
            type(dataset) is TensorDataset
            and collate_fn is default_collate
            and all(isinstance(tensor, Tensor) for tensor in dataset.tensors)
        )

    def __call__(self, index: Any) -> Any:
        if not self._batched:
            return self._collate(self._dataset[index])
        if self._gathers:  # one look-up per tensor has the result of stacking rows
            indices = list(index)
            if indices and all(type(i) is int for i in indices):
                return [tensor[indices] for tensor in self._dataset.tensors]
        return self._collate(samples_at(self._dataset, index))


class IterableFetcher:
    """Batches of an iterable-style data set, one per call; StopIteration at the end.

    As in PyTorch, an error loses the batch in which it occurs. An error in a generator ends it; an error in
    `collate_fn` does not.
    """

    def __init__(self, dataset: Any, collate_fn: Collate, batch_size: int | None, drop_last: bool) -> None:
        self._samples = iter(dataset)
        self._collate = collate_fn
        self._batch_size = batch_size
        self._drop_last = drop_last
        self._ended = False

    def __call__(self, _: Any = None) -> Any:
        if self._ended:
            raise StopIteration
        if self._batch_size is None:
            return self._collate(next(self._samples))
        batch = list(itertools.islice(self._samples, self._batch_size))
        self._ended = len(batch) < self._batch_size
        if not batch or (self._ended and self._drop_last):
            raise StopIteration
        return self._collate(batch)


Fetcher = MapFetcher | IterableFetcher
