"""Errors in workers of a loader reach the loop, in their place."""

import threading
import traceback

import pytest
import torch.utils.data as theirs

from cnn_physics77.core import loading as ours
from cnn_physics77.core.loading import workers
from cnn_physics77.core.tensor import tensor
from tests.core.loading.samples import Numbers, Stream, raising, within_limit

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than processors


def in_turn(loader):
    """Batches and errors in the order in which a training loop meets them that goes on after errors."""
    found, batches = [], iter(loader)
    while True:
        try:
            found.append(next(batches).tolist())
        except StopIteration:
            return found
        except Exception as error:
            found.append(type(error).__name__)


class Exit(BaseException):
    pass


ENDS = [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), Exit("out")]
"""What ends a thread, and no process of ours."""


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", ["sample", "collate_fn", "worker_init_fn", "iterable", "__iter__"])
@pytest.mark.parametrize("settings", [{}, {"persistent_workers": True}, {"in_order": False}, {"timeout": 30}])
def test_what_ends_a_worker_is_an_error_of_the_loop(error, place, settings):
    data, arguments = Numbers(9), {"num_workers": 2, "batch_size": 2, **settings}
    if place == "sample":
        data = Numbers(9, raising(error, 5))
    if place == "iterable":
        data = Stream(9, raising(error, 5))
    if place == "__iter__":
        data = type("Broken", (Stream,), {"__iter__": lambda self: raising(error, 0)(0)})(9)
    if place == "collate_fn":
        arguments["collate_fn"] = lambda batch: raising(error, 4)(batch[0]) or batch
    if place == "worker_init_fn":
        arguments["worker_init_fn"] = raising(error, 1)

    def loop():
        loader = ours.DataLoader(data, **arguments)
        batches = iter(loader)
        try:
            with pytest.raises(
                RuntimeError, match=rf"worker \d exited unexpectedly: {type(error).__name__}"
            ) as e:
                for _ in batches:
                    pass
            assert e.value.__cause__ is error
        finally:
            error.__traceback__ = None  # which the parameters of this test would keep, and all that it met
        assert list(batches) == []
        return True

    value, raised = within_limit(loop)
    assert value, raised


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_a_bad_sample_costs_its_batch(workers):
    data = Numbers(10, raising(KeyError("five"), 5))
    loader = ours.DataLoader(data, batch_size=2, num_workers=workers)
    expected = [[0, 1], [2, 3], "KeyError", [6, 7], [8, 9]]
    assert in_turn(loader) == expected
    assert in_turn(theirs.DataLoader(data, batch_size=2)) == expected
    torn = ours.DataLoader(
        range(10), 2, num_workers=workers, collate_fn=lambda b: raising(OSError(), 4)(b[0]) or tensor(b)
    )
    assert in_turn(torn) == [[0, 1], [2, 3], "OSError", [6, 7], [8, 9]]


@pytest.mark.parametrize("workers", [0, 1])
def test_an_iterable_ends_with_its_error_but_not_with_that_of_collation(workers):
    class Their(theirs.IterableDataset):
        __iter__ = Stream.__iter__
        length, act = 10, staticmethod(raising(ValueError(), 5))

    expected = [[0, 1], [2, 3], "ValueError"]
    assert in_turn(theirs.DataLoader(Their(), batch_size=2)) == expected
    loader = ours.DataLoader(Stream(10, raising(ValueError(), 5)), batch_size=2, num_workers=workers)
    assert in_turn(loader) == expected

    def collate(batch):
        raising(OSError(), 4)(batch[0])
        return tensor(batch)

    class Sound(Their):
        act = staticmethod(lambda index: None)

    expected = [[0, 1], [2, 3], "OSError", [6, 7], [8, 9]]
    assert in_turn(theirs.DataLoader(Sound(), 2, collate_fn=collate)) == expected
    assert in_turn(ours.DataLoader(Stream(10), 2, num_workers=workers, collate_fn=collate)) == expected


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_error_of_the_sampler_comes_in_its_place(workers):
    def order():
        yield from [3, 1, 4]
        raise LookupError("lost the order")

    loader = ours.DataLoader(range(9), sampler=order(), num_workers=workers, batch_size=None)
    batches = iter(loader)
    assert [next(batches) for _ in range(3)] == [3, 1, 4]
    with pytest.raises(LookupError, match="lost the order"):
        next(batches)
    assert list(batches) == []


@pytest.mark.parametrize("settings", [{}, {"persistent_workers": True}])
def test_an_error_of_worker_init_fn_ends_the_iteration(settings):
    def fail(worker):
        raise OSError("no disk")

    loader = ours.DataLoader(Numbers(6), num_workers=2, worker_init_fn=fail, **settings)
    for _ in range(2):
        batches = iter(loader)
        with pytest.raises(OSError, match="no disk"):
            next(batches)
        assert list(batches) == []


def test_an_error_says_which_worker_and_keeps_its_traceback():
    error = KeyError("one object, raised twice")

    def fail_twice(index):
        if index in (1, 3):
            raise error

    batches = iter(ours.DataLoader(Numbers(4, fail_twice), num_workers=2))
    for expected in (0, 2):
        assert next(batches).item() == expected
        try:
            next(batches)
        except KeyError as caught:  # not pytest.raises, which would keep the traceback, and so the iterator
            assert caught is error and caught.__notes__ == ["Raised in DataLoader worker 1."]
            names = [frame.name for frame in traceback.extract_tb(caught.__traceback__)]
            assert "fail_twice" in names
    assert names
    error.__traceback__ = None  # the data set refers to the error, and its traceback to the iterator


def test_a_thread_that_dies_otherwise_is_noticed(monkeypatch):
    """For example of memory that runs out where the error should be noted."""
    monkeypatch.setattr(workers, "CHECK_INTERVAL", 0.05)
    monkeypatch.setattr(threading, "excepthook", lambda details: None)

    def fail(*arguments, **settings):
        raise MemoryError

    monkeypatch.setattr(workers, "_fetch", fail)
    _, error = within_limit(lambda: list(ours.DataLoader(range(4), num_workers=1)))
    assert isinstance(error, RuntimeError) and "worker 0 exited unexpectedly" in str(error)
