"""`DistributedSampler` shares out the indices as PyTorch's."""

from __future__ import annotations

from itertools import product

import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.utils.data import DistributedSampler


@pytest.mark.needs_torch
@pytest.mark.parametrize(("count", "replicas"), [*product((1, 2, 7, 10, 12), (1, 2, 3, 5))])
@pytest.mark.parametrize("drop_last", [False, True])
def test_shares_are_pytorchs(count, replicas, drop_last):
    data = range(count)
    for rank in range(replicas):
        mine, theirs = (
            module.utils.data.DistributedSampler(
                data, num_replicas=replicas, rank=rank, shuffle=False, drop_last=drop_last
            )
            for module in (ours, torch)
        )
        assert (list(mine), len(mine)) == (list(theirs), len(theirs))
        assert mine.total_size == theirs.total_size


def test_all_processes_share_an_order_that_changes_with_the_epoch():
    samplers = [DistributedSampler(range(100), 4, rank, seed=3) for rank in range(4)]
    orders = []
    for epoch in (0, 1, 0):
        for sampler in samplers:
            sampler.set_epoch(epoch)
        shares = [list(sampler) for sampler in samplers]
        assert sorted(i for share in shares for i in share) == list(range(100))
        orders.append(shares)
    assert orders[0] == orders[2] != orders[1]


def test_errors():
    with pytest.raises(RuntimeError, match="expected num_replicas and rank, found None and 1"):
        DistributedSampler(range(3), rank=1)
    for rank in (-1, 2):
        with pytest.raises(
            ValueError, match=rf"Invalid rank {rank}, rank should be in the interval \[0, 1\]"
        ):
            DistributedSampler(range(3), 2, rank)
