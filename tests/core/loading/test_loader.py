"""The loader and collation against torch.utils.data on the same samples."""

import copy
from collections import namedtuple

import numpy as np
import pytest
import torch
import torch.utils.data as theirs

from cnn_physics77.core import loading as ours
from cnn_physics77.core.operations.creation.creation import arange
from cnn_physics77.core.tensor import Tensor, from_numpy

Point = namedtuple("Point", ["x", "y"])


def plain(value):
    """Tensors and arrays of either side as (dtype, nested list); containers walked."""
    if hasattr(value, "dtype"):
        array = np.asarray(value)
        return str(array.dtype), array.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        kind = type(value) if hasattr(value, "_fields") else list
        return kind(*map(plain, value)) if hasattr(value, "_fields") else kind(map(plain, value))
    return value


SAMPLES = {
    "arrays": [np.arange(6, dtype=np.float32).reshape(2, 3) + i for i in range(7)],
    "scalars": [np.float64(i) for i in range(7)],
    "floats": [i / 2 for i in range(7)],
    "integers": list(range(7)),
    "booleans": [i % 2 == 0 for i in range(7)],
    "strings": list("abcdefg"),
    "tuples": [(np.ones(2) * i, i) for i in range(7)],
    "dictionaries": [{"image": np.full(3, i, np.uint8), "name": str(i)} for i in range(7)],
    "named": [Point(i, [i, float(i)]) for i in range(7)],
    "nested": [[(i, i + 1), {"a": 0.5 * i}] for i in range(7)],
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("arguments", [{}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True}])
def test_batches_are_torchs(name, arguments):
    mine = ours.DataLoader(SAMPLES[name], **arguments)
    other = theirs.DataLoader(SAMPLES[name], **arguments)
    assert len(mine) == len(other)
    assert [plain(batch) for batch in mine] == [plain(batch) for batch in other]


@pytest.mark.parametrize("name", SAMPLES)
def test_single_samples_are_torchs(name):
    mine, other = (module.DataLoader(SAMPLES[name], batch_size=None) for module in (ours, theirs))
    assert [plain(sample) for sample in mine] == [plain(sample) for sample in other]
    assert len(mine) == len(other) == 7


def test_given_orders():
    data = list(range(10))
    by_sampler = ours.DataLoader(data, batch_size=2, sampler=[9, 1, 5])
    assert [batch.tolist() for batch in by_sampler] == [[9, 1], [5]]
    by_batches = ours.DataLoader(data, batch_sampler=[[3], [1, 2]])
    assert [batch.tolist() for batch in by_batches] == [[3], [1, 2]] and len(by_batches) == 2


def test_tensor_dataset_is_gathered_as_collated():
    x, y = np.arange(40.0).reshape(10, 4)[:, ::2], np.arange(10)
    x.flags.writeable = False
    for batch in ours.DataLoader(ours.TensorDataset(x, y), batch_size=4, sampler=[3, 3, 0, 9, 1]):
        assert isinstance(batch, list)
        np.testing.assert_array_equal(batch[0], x[np.asarray(batch[1])])


def test_shuffle_comes_from_the_generator():
    def order(seed, **arguments):
        loader = ours.DataLoader(
            range(20), batch_size=6, shuffle=True, generator=np.random.default_rng(seed), **arguments
        )
        return [[batch.tolist() for batch in loader] for _ in range(2)]

    first = order(1)
    assert sorted(index for batch in first[0] for index in batch) == list(range(20))
    assert first[0] != first[1] and first == order(1) != order(2)
    assert first == order(1, num_workers=1) == order(1, num_workers=2, prefetch_factor=3)


def stream(module, end=7):
    class Stream(module.IterableDataset):
        def __init__(self):
            self.start = 0

        def __iter__(self):
            return iter(range(self.start, end))

        def __len__(self):
            return end

    return Stream()


@pytest.mark.parametrize(
    ("batch_size", "drop_last"), [(None, False), (1, False), (3, False), (1, True), (3, True)]
)
def test_streams_are_torchs(batch_size, drop_last):
    mine = ours.DataLoader(stream(ours), batch_size, drop_last=drop_last)
    other = theirs.DataLoader(stream(theirs), batch_size, drop_last=drop_last)
    assert [plain(batch) for batch in mine] == [plain(batch) for batch in other]
    assert len(mine) == len(other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified"),
        ({"num_workers": 1, "prefetch_factor": -1}, "prefetch_factor option should be non-negative"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"multiprocessing_context": "spawn"}, "multiprocessing_context can only be used"),
        ({"num_workers": 1, "multiprocessing_context": "x"}, "should specify a valid start method"),
        ({"sampler": [0], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"batch_size": 0}, "batch_size should be a positive integer"),
    ],
)
def test_same_errors_in_both(arguments, message):
    for module in (ours, theirs):
        with pytest.raises(ValueError, match=message):
            module.DataLoader([1, 2, 3], **arguments)


@pytest.mark.parametrize("arguments", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_streams_take_no_order(arguments):
    for module in (ours, theirs):
        with pytest.raises(ValueError, match="DataLoader with IterableDataset: expected unspecified"):
            module.DataLoader(stream(module), **arguments)


def test_what_shapes_the_batches_is_fixed():
    loader = ours.DataLoader([1, 2])
    with pytest.raises(ValueError, match="batch_size attribute should not be set"):
        loader.batch_size = 3


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([object()], TypeError, "batch must contain tensors, numpy arrays, numbers, dicts or lists"),
        ([np.array(["a"])], TypeError, "batch must contain tensors, numpy arrays, numbers, dicts or lists"),
        ([[1, 2], [1]], RuntimeError, "each element in list of batch should be of equal size"),
    ],
)
def test_what_cannot_be_collated(batch, error, message):
    for module in (ours, theirs):
        with pytest.raises(error, match=message):
            module.default_collate(batch)


def test_a_type_of_ones_own(monkeypatch):
    class Word(str):
        pass

    monkeypatch.setitem(ours.default_collate_fn_map, Word, lambda batch, collate_fn_map: "-".join(batch))
    assert ours.default_collate([Word("a"), Word("b")]) == "a-b"
    assert ours.default_collate(["a", "b"]) == ["a", "b"]


def tensors(value):
    """Whether everything in a batch that has a dtype is a Tensor; containers walked."""
    if isinstance(value, dict):
        return all(map(tensors, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(tensors, value))
    return isinstance(value, (Tensor, str)) or not hasattr(value, "dtype")


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("batch_size", [None, 3])
def test_batches_are_made_of_tensors(name, batch_size):
    batches = list(ours.DataLoader(SAMPLES[name], batch_size=batch_size))
    assert batches and all(map(tensors, batches))


def test_tensors_are_stacked_or_gathered_with_their_gradient():
    images, labels = arange(12.0).reshape(6, 2).requires_grad_(), arange(6)
    for dataset in (ours.TensorDataset(images, labels), list(zip(images, labels))):
        batches = list(ours.DataLoader(dataset, batch_size=4))
        assert all(isinstance(part, Tensor) for batch in batches for part in batch)
        found = np.concatenate([batch[0].detach().numpy() for batch in batches])
        np.testing.assert_array_equal(found, images.detach().numpy())
        images.grad = None
        batches[1][0].sum().backward()
        np.testing.assert_array_equal(images.grad.numpy(), [[0, 0]] * 4 + [[1, 1]] * 2)


@pytest.mark.parametrize(
    "batches",
    [[(0, 1), (2, 0)], [range(2)], [np.array([2, 0])], [[np.int64(1), 0]], [[-1, 0]], [iter([1, 2])]],
    ids=["tuples", "range", "array", "NumPy integers", "negative", "iterator"],
)
def test_a_batch_of_indices_may_be_any_iterable(batches):
    """A tuple, above all, is not one index with several dimensions."""
    rows = np.arange(6.0).reshape(3, 2)
    expected = [rows[[int(i) for i in batch]] for batch in copy.deepcopy(batches)]
    found = [x for (x,) in ours.DataLoader(ours.TensorDataset(from_numpy(rows)), batch_sampler=batches)]
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x.numpy(), y)


def test_an_empty_batch_is_an_error_as_in_torch():
    for module, make in ((ours, from_numpy), (theirs, torch.from_numpy)):
        with pytest.raises(IndexError):
            list(module.DataLoader(module.TensorDataset(make(np.ones(3))), batch_sampler=[[]]))


def test_collated_numbers_have_torchs_dtypes():
    samples = [[True, False], [1, 2.5], [1.5, 2], [np.float32(1)], [np.int16(1)], [np.bool_(1)], [2**40]]
    for batch in samples:
        mine, other = ours.default_collate(batch), theirs.default_collate(batch)
        assert isinstance(mine, Tensor) and plain(mine) == plain(other.numpy()), batch
    assert ours.default_convert(np.ones(2)).dtype == np.float64


@pytest.mark.parametrize("loading", [ours, theirs])
def test_the_class_takes_the_kind_of_sample_in_annotations(loading):
    assert len(loading.DataLoader[int](range(3), batch_size=2)) == 2
