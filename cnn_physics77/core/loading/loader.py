"""The loader, as in ``torch.utils.data``: it makes batches of a data set in the order of a sampler.

Unlike PyTorch's, its workers are threads of this process (see `workers`). NumPy and file reading release the
interpreter's lock, nothing is pickled, and no data are copied between processes.
"""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from types import GenericAlias
from typing import Any

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.random import numpy_generator

from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .fetch import IterableFetcher, MapFetcher
from .sampler import BatchSampler, RandomSampler, SequentialSampler
from .workers import MakeFetcher, WorkerBatches, WorkerPool, WorkerTask


class DataLoader:
    """An iterable of the batches of a data set.

    Arguments, defaults and checks are those of ``torch.utils.data.DataLoader``.

    **Workers.** The batches and their order do not depend on the number of workers. Each worker has a
    shallow copy of the data set if that is a `Dataset`: attributes that ``worker_init_fn`` or the data set's
    methods set, such as an open file, belong to the worker. The objects that the attributes refer to are
    shared by all workers, and so is a data set of another type (a list, an array).

    **Errors.** An error in a sample or in collation is raised by ``next`` in the training loop; the iterator
    can continue with the next batch. With workers, an error in `worker_init_fn` ends the iteration, and so
    does an exception that ends a worker (SystemExit, KeyboardInterrupt, GeneratorExit; raised as
    RuntimeError).

    **Random numbers.** Each pass that starts workers, or has none, draws a base seed from `generator`. Worker
    i has its own stream of this framework's random numbers, with the seed base seed + i; ``initial_seed()``
    and ``get_worker_info().seed`` return it in the worker. So two runs with the same seed and the same number
    of workers are equal, if `in_order`. The functions of Python's ``random`` and of ``numpy.random`` have one
    state per process, and the order in which threads draw from it depends on timing. Use
    ``get_worker_info().rng.random_generator`` and ``.numpy_generator`` instead, which are seeded per worker.
    The same is true of any other generator that workers share.

    Args:
        dataset: map-style (``dataset[i]``, ``len``), or an `IterableDataset`.
        batch_size: samples per batch; None for single samples, without batching.
        shuffle: a new random order in every pass.
        sampler: the order, as an iterable of indices; excludes `shuffle`.
        batch_sampler: the batches, as an iterable of lists of indices; excludes `batch_size`, `shuffle`,
            `sampler` and `drop_last`.
        num_workers: threads that fetch batches ahead; 0 fetches them in the calling thread.
        collate_fn: maps a list of samples to a batch; None for `default_collate` (`default_convert` without
            batching).
        pin_memory: accepted, without effect: there is no accelerator.
        drop_last: drop the last batch if it is shorter than the others.
        timeout: seconds to wait for a batch of the workers, then RuntimeError; 0 for no limit.
        worker_init_fn: called in each worker with its number, after seeding, before its first batch.
        multiprocessing_context: accepted with workers, without effect, as workers are threads.
        generator: a Generator, or NumPy's, for `shuffle` and the base seed; None for the default generator.
        prefetch_factor: batches that each worker fetches ahead; None for 2.
        persistent_workers: keep the workers, with their data sets and random streams, from one pass to the
            next; otherwise every pass starts new ones.
        pin_memory_device: accepted, without effect.
        in_order: return batches in the order of the sampler; otherwise as they become ready.
    Raises:
        ValueError: arguments are mutually exclusive or out of range.

    >>> from cnn_physics77 import arange
    >>> from cnn_physics77.utils.data import DataLoader, TensorDataset
    >>> loader = DataLoader(TensorDataset(arange(5)), batch_size=2)
    >>> len(loader), [batch for (batch,) in loader]
    (3, [tensor([0, 1]), tensor([2, 3]), tensor([4])])
    """

    _frozen = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")

    @classmethod
    def __class_getitem__(cls, sample: Any) -> GenericAlias:  # DataLoader[Sample], in annotations
        return GenericAlias(cls, sample)

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self._iterable = isinstance(dataset, IterableDataset)
        self._check_workers(
            num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context
        )
        self._check_order(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size = None
        if sampler is None:
            if self._iterable:
                sampler = itertools.repeat(None)
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self._pool: WorkerPool | None = None  # the workers, if they persist
        self._ready = True

    @staticmethod
    def _check_workers(
        num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool, context: Any
    ) -> None:
        if num_workers < 0:
            raise ValueError(
                f"DataLoader: num_workers option should be non-negative, found {num_workers}; use "
                "num_workers=0 to load in the calling thread"
            )
        if not timeout >= 0:
            raise ValueError(f"DataLoader: timeout option should be non-negative, found {timeout}")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "DataLoader: prefetch_factor option could only be specified with workers; let num_workers > "
                "0, otherwise set prefetch_factor to None"
            )
        if prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError(
                f"DataLoader: prefetch_factor option should be non-negative, found {prefetch_factor}"
            )
        if persistent and num_workers == 0:
            raise ValueError("DataLoader: persistent_workers option needs num_workers > 0")
        if context is not None:
            if num_workers == 0:
                raise ValueError("DataLoader: multiprocessing_context can only be used with num_workers > 0")
            methods = multiprocessing.get_all_start_methods()
            if isinstance(context, str) and context not in methods:
                raise ValueError(
                    "DataLoader: multiprocessing_context option should specify a valid start method "
                    f"in {methods}, but got {context!r}"
                )
        if num_workers > (os.cpu_count() or num_workers):
            warn(
                f"This DataLoader will create {num_workers} workers on {os.cpu_count()} processors; more "
                "workers than processors may make loading slower."
            )

    def _check_order(
        self, batch_size: int | None, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
    ) -> None:
        if self._iterable:
            given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
            for name, value in given.items():
                if value is not None:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, but "
                        f"got {name}={value}"
                    )
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError(
                "DataLoader: batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                "and drop_last"
            )
        if batch_size is None and batch_sampler is None and drop_last:
            raise ValueError(
                "DataLoader: batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._frozen and getattr(self, "_ready", False):
            raise ValueError(f"{name} attribute should not be set after DataLoader is initialized")
        super().__setattr__(name, value)

    def __len__(self) -> int:
        """The number of batches in one pass; the number of samples without batching.

        Raises:
            TypeError: the data set or the sampler has no length.
        """
        if not self._iterable:
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]
        count = len(self.dataset)
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        # A sampler may draw when its pass begins: before the seed. That is drawn with and without workers, so
        # that their number does not change the order of the batches, but only once for those that persist.
        sampler = self.sampler if self.batch_sampler is None else self.batch_sampler
        if self._iterable:
            sampler = itertools.repeat(None)
        order = iter(sampler)
        pool = self._pool
        if pool is None or not pool.usable():
            base_seed = int(numpy_generator(self.generator).integers(2**63))
            if not self.num_workers:
                return map(self._make_fetcher()(self.dataset), order)
            order = iter(sampler)  # PyTorch begins the pass once more for new workers
            task = WorkerTask(
                self.num_workers, base_seed, self.dataset, self.worker_init_fn, self._make_fetcher()
            )
            pool = WorkerPool(task, self.persistent_workers)
        if self.persistent_workers:
            self._pool = pool
        return WorkerBatches(pool, order, self.prefetch_factor or 0, self.timeout, self.in_order)

    def _make_fetcher(self) -> MakeFetcher:
        """A function that maps a data set to a fetcher. Workers keep it: it must not refer to the loader."""
        collate_fn = self.collate_fn
        if self._iterable:
            return functools.partial(
                IterableFetcher,
                collate_fn=collate_fn,
                batch_size=self.batch_size,
                drop_last=self.drop_last,
            )
        return functools.partial(MapFetcher, collate_fn=collate_fn, batched=self.batch_sampler is not None)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pool": None}  # a copy starts its own workers
