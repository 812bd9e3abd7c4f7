"""What the tests of captured functions share."""

import gc

import pytest

import cnn_physics77 as torch
from cnn_physics77.compile.replay.captured import Captured


@pytest.fixture(scope="module", autouse=True)
def few_objects():
    """A capture asks the garbage collector for all objects: those of PyTorch and pytest only take time.

    Anew for each module of tests, as tests load more of PyTorch.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Replays:
    """Counts the replays that were returned to the caller."""

    count = 0


@pytest.fixture
def replays(monkeypatch):
    counted = Replays()
    replay = Captured.replay

    def count(self, given):
        result = replay(self, given)
        counted.count += 1
        return result

    monkeypatch.setattr(Captured, "replay", count)
    return counted


@pytest.fixture
def in_double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(67)
    yield
    torch.set_default_dtype(torch.float32)
