"""The loader and collate against torch.utils.data on the same samples, and workers against none."""

import gc
import threading
import time
from collections import namedtuple

import numpy as np
import pytest
import torch
import torch.utils.data as theirs

from cnn_physics77.core import data as ours

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


def test_stream_workers_duplicate_unless_told():
    everything = [batch.item() for batch in ours.DataLoader(stream(ours, 3), num_workers=2)]
    assert everything == [0, 0, 1, 1, 2, 2]  # in turn, as in PyTorch's manual

    def start_at_own_number(number):
        info = ours.get_worker_info()
        assert info.id == number and info.num_workers == 2
        info.dataset.start = 2 * number

    data = stream(ours, 3)
    loader = ours.DataLoader(data, num_workers=2, worker_init_fn=start_at_own_number)
    assert sorted(batch.item() for batch in loader) == [0, 1, 2, 2]
    assert data.start == 0  # each worker had its own copy
    assert ours.get_worker_info() is None


def test_workers_run_in_other_threads_and_end():
    class Where:
        def __getitem__(self, index):
            return threading.get_ident()

        def __len__(self):
            return 8

    before = threading.active_count()
    loader = ours.DataLoader(Where(), num_workers=2, batch_size=None)
    assert threading.get_ident() not in set(loader)
    abandoned = iter(loader)
    next(abandoned)
    del abandoned
    gc.collect()
    for _ in range(200):
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_workers_exception_reaches_the_caller_in_its_place():
    class Fourth:
        def __getitem__(self, index):
            if index == 3:
                raise KeyError("three")
            return index

        def __len__(self):
            return 6

    seen = []
    with pytest.raises(KeyError, match="three"):
        seen.extend(batch.item() for batch in ours.DataLoader(Fourth(), num_workers=2))
    assert seen == [0, 1, 2]


def test_out_of_order_hands_out_everything_and_a_failing_init_is_told():
    class Slow:
        def __getitem__(self, index):
            time.sleep(0.05 if index == 0 else 0)
            return index

        def __len__(self):
            return 6

    numbers = [batch.item() for batch in ours.DataLoader(Slow(), num_workers=2, in_order=False)]
    assert sorted(numbers) == list(range(6)) and numbers[0] != 0

    def fail(number):
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        next(iter(ours.DataLoader(Slow(), num_workers=1, worker_init_fn=fail)))


def test_timeout():
    release = threading.Event()

    class Blocked:
        def __getitem__(self, index):
            release.wait(10)
            return index

        def __len__(self):
            return 1

    with pytest.raises(RuntimeError, match=r"within timeout=0\.05 s"):
        next(iter(ours.DataLoader(Blocked(), num_workers=1, timeout=0.05)))
    release.set()


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


def test_registered_tensors_make_the_batches(monkeypatch):
    """The room above decides what a batch is made of; PyTorch's tensors stand in for it here."""
    from cnn_physics77.core.data.registry import registry

    for name, value in {
        "tensor_type": torch.Tensor,
        "from_array": torch.from_numpy,
        "stack": torch.stack,
    }.items():
        monkeypatch.setattr(registry, name, value)
    images, labels = torch.arange(12.0).reshape(6, 2), torch.arange(6)
    for dataset in (ours.TensorDataset(images, labels), list(zip(images, labels))):
        batches = list(ours.DataLoader(dataset, batch_size=4))
        assert all(isinstance(part, torch.Tensor) for batch in batches for part in batch)
        assert torch.equal(torch.cat([batch[0] for batch in batches]), images)
    assert ours.default_collate([1.5, 2.5]).dtype == torch.float64
    assert torch.equal(ours.default_convert(np.ones(2)), torch.ones(2, dtype=torch.float64))
