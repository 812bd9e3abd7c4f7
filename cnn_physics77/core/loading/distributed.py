"""One process's share of a data set."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sized
from typing import Any

import numpy as np

from cnn_physics77.core.random import Generator

from .sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index, from ``rank`` on, of an order that all processes share.

    The order is repeated from its start until all shares are equally long, or cut with ``drop_last``.

    Args:
        dataset: only its length is used.
        num_replicas: the number of processes.
        rank: the number of this one.
        shuffle: a random order, by ``seed`` and the epoch.
        seed: equal in all processes.
        drop_last: see above.
    Raises:
        RuntimeError: `num_replicas` or `rank` is not given: there is no process group to ask.
        ValueError: `rank` is out of range.

    >>> list(DistributedSampler("abcde", num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "DistributedSampler: Requires distributed package to be available, and there is no process "
                f"group; expected num_replicas and rank, found {num_replicas} and {rank}"
            )
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"DistributedSampler: Invalid rank {rank}, rank should be in the interval "
                f"[0, {num_replicas - 1}]"
            )
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        count = len(dataset)
        self.num_samples = count // num_replicas if drop_last else -(-count // num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        order: Any = np.arange(len(self.dataset))
        if self.shuffle:
            order = Generator().manual_seed(self.seed + self.epoch).numpy.permutation(len(self.dataset))
        everywhere = itertools.islice(itertools.cycle(order.tolist()), self.total_size)
        return itertools.islice(everywhere, self.rank, None, self.num_replicas)

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Another order from now on: call it with the epoch before each pass."""
        self.epoch = epoch
