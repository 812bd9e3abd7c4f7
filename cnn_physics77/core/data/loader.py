"""The loader: a data set, an order and a collate function make batches, as in `torch.utils.data`.

Workers are threads of this process: NumPy and file reading release the interpreter's lock, nothing has to be
pickled, and no data are copied between processes. They prefetch; the batches and their order do not depend on
their number.
"""

from __future__ import annotations

import copy
import itertools
import multiprocessing
import os
import queue
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .collate import default_collate, default_convert
from .dataset import IterableDataset, TensorDataset, samples_at
from .registry import registry
from .sampler import BatchSampler, RandomSampler, SequentialSampler


@dataclass(frozen=True)
class WorkerInfo:
    """What `get_worker_info` tells a worker about itself."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_worker = threading.local()


def get_worker_info() -> WorkerInfo | None:
    """The calling worker's number, how many there are, its seed and its data set; None outside a worker."""
    return getattr(_worker, "info", None)


class DataLoader:
    """Iterate over a data set in batches.

    Arguments, defaults and checks are those of `torch.utils.data.DataLoader`.

    Args:
        dataset: a map (``dataset[i]``, ``len``) or an IterableDataset.
        batch_size: samples in a batch; None hands out single samples.
        shuffle: a new random order at every pass.
        sampler: the order as an iterable of indices; excludes `shuffle`.
        batch_sampler: the batches as an iterable of lists of indices; excludes `batch_size`, `shuffle`,
            `sampler` and `drop_last`.
        num_workers: threads that prepare batches ahead; 0 prepares them in the calling thread.
        collate_fn: list of samples -> batch; None is `default_collate` (`default_convert` without batching).
        pin_memory: accepted and without effect: there is no accelerator to copy to.
        drop_last: leave out the last batch when it is shorter than the others.
        timeout: seconds to wait for a worker's batch, 0 for ever; then RuntimeError.
        worker_init_fn: called in each worker with its number before it starts.
        multiprocessing_context: accepted with workers, and without effect, for workers are threads.
        generator: source of the order of `shuffle` and of the workers' seeds; None is the default one.
        prefetch_factor: batches that each worker prepares ahead; 2 unless told.
        persistent_workers: accepted with workers, and without effect: threads start in microseconds.
        pin_memory_device: accepted and without effect, as `pin_memory`.
        in_order: hand out batches in the order of the sampler; else as they become ready.
    Raises:
        ValueError: arguments that exclude one another or are out of range.

    >>> import numpy as np
    >>> from cnn_physics77.core.data import DataLoader, TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2)
    >>> len(loader), [len(batch) for (batch,) in loader]
    (3, [2, 2, 1])
    """

    _frozen = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")

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
        self._ready = True

    @staticmethod
    def _check_workers(
        num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool, context: Any
    ) -> None:
        if num_workers < 0:
            raise ValueError(
                f"DataLoader: num_workers option should be non-negative, found {num_workers}; "
                "use num_workers=0 to load in the calling thread"
            )
        if timeout < 0:
            raise ValueError(f"DataLoader: timeout option should be non-negative, found {timeout}")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "DataLoader: prefetch_factor option could only be specified with workers; "
                "let num_workers > 0, otherwise set prefetch_factor to None"
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
                    f"DataLoader: multiprocessing_context option should specify a valid start method in "
                    f"{methods}, but got {context!r}"
                )
        if num_workers > (os.cpu_count() or num_workers):
            warnings.warn(
                f"This DataLoader will create {num_workers} workers on {os.cpu_count()} processors; "
                "more workers than processors may make loading slower.",
                stacklevel=3,
            )

    def _check_order(
        self, batch_size: int | None, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
    ) -> None:
        if self._iterable:
            given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
            for name, value in given.items():
                if value is not None:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, "
                        f"but got {name}={value}"
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
                "DataLoader: batch_size=None option disables auto-batching "
                "and is mutually exclusive with drop_last"
            )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._frozen and getattr(self, "_ready", False):
            raise ValueError(f"{name} attribute should not be set after DataLoader is initialized")
        super().__setattr__(name, value)

    def __len__(self) -> int:
        """Batches in one pass (samples, without batching); TypeError when the data set has no length."""
        if not self._iterable:
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]
        count = len(self.dataset)
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        # Drawn with and without workers, so that their number does not change the order of the batches.
        seed = int(registry.numpy_generator(self.generator).integers(2**62))
        if self.num_workers:
            return _ThreadedBatches(self, seed)
        if self._iterable:
            return self._stream(self.dataset)
        return map(self._fetch, self.sampler if self.batch_sampler is None else self.batch_sampler)

    def _fetch(self, index: Any) -> Any:
        """The batch at a list of indices, or the sample at an index without batching."""
        if self.batch_sampler is None:
            return self.collate_fn(self.dataset[index])
        if (
            type(self.dataset) is TensorDataset
            and self.collate_fn is default_collate
            and all(isinstance(tensor, registry.tensor_type) for tensor in self.dataset.tensors)
        ):  # gathering rows at once is what indexing one by one and stacking comes to
            return [tensor[index] for tensor in self.dataset.tensors]
        return self.collate_fn(samples_at(self.dataset, index))

    def _stream(self, dataset: Any) -> Iterator[Any]:
        samples = iter(dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn, samples)
            return
        while batch := list(itertools.islice(samples, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield self.collate_fn(batch)


class _Failure:
    """An exception on its way from a worker to the caller."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


_END = object()


class _ThreadedBatches:
    """One pass with workers. Job i goes to worker i mod n; each worker has a queue of jobs and a place in
    `results` for every answer. A stream has no indices: there a job means "the next batch of your stream"."""

    def __init__(self, loader: DataLoader, seed: int) -> None:
        self._loader = loader
        count = loader.num_workers
        self._jobs: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in range(count)]
        self._results: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._order: Iterator[Any] = (
            itertools.repeat(None)
            if loader._iterable
            else iter(loader.sampler if loader.batch_sampler is None else loader.batch_sampler)
        )
        self._sent = 0
        self._pending: deque[int] = deque()  # numbers of the jobs that are out, oldest first
        self._arrived: dict[int, Any] = {}
        self._running = set(range(count))  # workers whose stream is not at its end
        for number in range(count):
            threading.Thread(
                target=_work,
                args=(loader, WorkerInfo(number, count, seed + number, loader.dataset)),
                kwargs={"jobs": self._jobs[number], "results": self._results},
                daemon=True,
            ).start()
        for _ in range(count * max(1, loader.prefetch_factor or 1)):
            self._send()

    def _send(self) -> None:
        """Hand out the next job, if there is one and somebody to do it."""
        if not self._running:
            return
        while self._sent % len(self._jobs) not in self._running:
            self._sent += 1
        try:
            index = next(self._order)
        except StopIteration:
            return
        self._jobs[self._sent % len(self._jobs)].put((self._sent, index))
        self._pending.append(self._sent)
        self._sent += 1

    def __iter__(self) -> _ThreadedBatches:
        return self

    def __next__(self) -> Any:
        while self._pending:
            number, result = self._receive()
            self._pending.remove(number)
            if result is _END:
                self._running.discard(number % len(self._jobs))
                self._send()
                continue
            if isinstance(result, _Failure):
                self._close()
                raise result.error
            self._send()
            return result
        self._close()
        raise StopIteration

    def _receive(self) -> tuple[int, Any]:
        """The oldest job's result; whichever is there first when order does not matter."""
        while True:
            wanted = self._pending[0]
            if not self._loader.in_order and self._arrived:
                wanted = next(iter(self._arrived))
            if wanted in self._arrived:
                return wanted, self._arrived.pop(wanted)
            try:
                number, result = self._results.get(timeout=self._loader.timeout or None)
            except queue.Empty:
                self._close()
                raise RuntimeError(
                    f"DataLoader: no batch from the workers within timeout={self._loader.timeout} s; "
                    "raise timeout, or look for a sample that blocks"
                ) from None
            self._arrived[number] = result

    def _close(self) -> None:
        self._pending.clear()
        for jobs in self._jobs:
            jobs.put(None)

    def __del__(self) -> None:
        for jobs in getattr(self, "_jobs", ()):  # an iterator dropped half-way lets its workers end
            jobs.put(None)


def _work(loader: DataLoader, info: WorkerInfo, jobs: Any, results: Any) -> None:
    """A worker's life: it answers every job with a batch, `_END`, or the exception that making it raised."""
    try:
        if loader._iterable:  # each worker its own copy, so that worker_init_fn may change it
            info = WorkerInfo(info.id, info.num_workers, info.seed, copy.copy(info.dataset))
        _worker.info = info
        if loader.worker_init_fn is not None:
            loader.worker_init_fn(info.id)
        stream = loader._stream(info.dataset) if loader._iterable else None
        failure = None
    except Exception as error:
        failure = _Failure(error)
    while (job := jobs.get()) is not None:
        number, index = job
        result: Any
        try:
            if failure is not None:
                result = failure
            elif stream is None:
                result = loader._fetch(index)
            else:
                result = next(stream, _END)
        except Exception as error:
            result = _Failure(error)
        results.put((number, result))
