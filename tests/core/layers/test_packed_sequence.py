"""Packed and padded sequences, as PyTorch's."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

BOTH = pytest.mark.parametrize("module", [ours, torch], ids=["ours", "torch"])


def sequences(module, *lengths, shape=(2,)):
    rng = np.random.default_rng(0)
    return [module.from_numpy(rng.normal(size=(n, *shape))) for n in lengths]


def as_lists(value):
    if isinstance(value, (tuple, list)):
        return [as_lists(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


def calls(module):
    tools = module.nn.utils.rnn
    unsorted, ordered = sequences(module, 2, 4, 1), sequences(module, 4, 2, 2, shape=())
    packed = tools.pack_sequence(unsorted, enforce_sorted=False)
    padded = tools.pad_sequence(unsorted, batch_first=True)
    return {
        "pack": packed,
        "pack sorted": tools.pack_sequence(ordered),
        "pack padded": tools.pack_padded_sequence(padded, module.tensor([2, 4, 1]), True, False),
        "cut": tools.pack_padded_sequence(padded, [3, 2, 1], batch_first=True),
        "pad": tools.pad_sequence(ordered),
        "pad left": tools.pad_sequence(unsorted, True, 7.5, "left"),
        "pad a tensor": tools.pad_sequence(module.ones(2, 3)),
        "unpad": tools.unpad_sequence(padded, module.tensor([2, 4, 1]), batch_first=True),
        "pad packed": tools.pad_packed_sequence(packed, padding_value=-1.0, total_length=6),
        "pad packed, first": tools.pad_packed_sequence(packed, batch_first=True),
        "unpack": tools.unpack_sequence(packed),
        "inverse": tools.invert_permutation(module.tensor([2, 0, 1])),
        "integers": tools.pad_packed_sequence(tools.pack_sequence([module.tensor([3, 4])])),
    }


@pytest.mark.parametrize("what", calls(ours))
def test_results(what):
    assert as_lists(calls(ours)[what]) == as_lists(calls(torch)[what])


def test_gradients_reach_the_sequences():
    for module in (ours, torch):
        tools = module.nn.utils.rnn
        given = [s.requires_grad_() for s in sequences(module, 1, 3)]
        packed = tools.pack_sequence(given, enforce_sorted=False)
        padded, _ = tools.pad_packed_sequence(packed._replace(data=packed.data * packed.data))
        padded.sum().backward()
        for s in given:
            np.testing.assert_allclose(s.grad.numpy(), 2 * s.detach().numpy(), rtol=1e-12)


@BOTH
def test_a_packed_sequence_is_a_named_tuple(module):
    packed = module.nn.utils.rnn.pack_sequence(sequences(module, 3, 1))
    data, sizes, order, back = packed
    assert data is packed.data and sizes.dtype == module.int64 and order is None and back is None
    for name in ("double", "float", "half", "long", "int"):
        made = getattr(packed, name)()
        assert type(made) is type(packed) and made.batch_sizes is sizes
        assert made.data.dtype == getattr(module, {"double": "float64"}.get(name, name))
    assert packed.to(module.float64) is packed and packed.cpu() is packed and not packed.is_cuda
    assert not packed.is_pinned()
    other = packed.to(dtype=module.float32)
    assert other.data.dtype == module.float32
    with pytest.raises((RuntimeError, AssertionError)):
        packed.cuda()
    for copied in (copy.deepcopy(packed), pickle.loads(pickle.dumps(packed))):
        assert type(copied) is type(packed) and module.equal(copied.data, data)


@BOTH
def test_lengths_of_other_kinds(module):
    x = module.ones(3, 2)
    tools = module.nn.utils.rnn
    expected = tools.pack_padded_sequence(x, [3, 1]).batch_sizes.tolist()
    for lengths in ((3, 1), module.tensor([3, 1]), module.tensor([3, 1], dtype=module.int32)):
        assert tools.pack_padded_sequence(x, lengths).batch_sizes.tolist() == expected
