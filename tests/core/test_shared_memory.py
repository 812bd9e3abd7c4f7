"""Tensors and modules whose memory forked processes share."""

from __future__ import annotations

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

import cnn_physics77 as ours

SHAPES = [(), (0, 3), (5,), (2, 3, 4)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "complex128"])
def test_values_and_memory_order_stay(shape, dtype):
    values = np.random.default_rng(0).integers(0, 9, shape).astype(dtype)
    for array in (values, np.asarray(values.T, order="C").T, values[::-1] if shape else values):
        x = ours.from_numpy(np.array(array, order="K"))
        assert not x.is_shared() and x.share_memory_() is x and x.is_shared()
        memory = x.array
        assert x.share_memory_().array is memory  # once is enough
        np.testing.assert_array_equal(x.numpy(), array)
        assert x.numpy().dtype == array.dtype
        assert not array.size or x.stride() == ours.from_numpy(np.array(array, order="K")).stride()
        assert x[...].is_shared() and x.detach().is_shared() and not x.clone().is_shared()
        for copied in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
            np.testing.assert_array_equal(copied.numpy(), array)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system cannot fork")
def test_a_forked_process_trains_the_module():
    model = ours.nn.Sequential(ours.nn.Linear(2, 2), ours.nn.BatchNorm1d(2)).share_memory()
    alone = ours.nn.Linear(2, 2)
    before = copy.deepcopy(model.state_dict()), copy.deepcopy(alone.state_dict())

    def train():
        optimizer = ours.optim.SGD([*model.parameters(), *alone.parameters()], lr=0.5)
        (alone(model(ours.arange(6.0).reshape(3, 2))) ** 2).sum().backward()
        optimizer.step()

    process = multiprocessing.get_context("fork").Process(target=train)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    for name, value in alone.state_dict().items():
        assert ours.equal(value, before[1][name])
    moved = [name for name, value in model.state_dict().items() if not ours.equal(value, before[0][name])]
    assert {"0.weight", "1.weight", "1.running_mean", "1.num_batches_tracked"} <= set(moved)
