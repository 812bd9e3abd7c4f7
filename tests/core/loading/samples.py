"""Data sets whose samples do something, and waiting for what workers do."""

import queue
import threading
import time

from cnn_physics77.core import loading as ours

LIMIT = 20  # seconds after which something that should happen at once counts as hanging


def worker_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("DataLoader worker")]


def wait_until(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def within_limit(function):
    """The function's outcome, a value or an exception; fails where there is none in time."""
    outcome = queue.SimpleQueue()

    def run():
        try:
            outcome.put((function(), None))
        except BaseException as error:
            outcome.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    return outcome.get(timeout=LIMIT)


class Numbers(ours.Dataset):
    """0 to length - 1; `act(index)` runs before each."""

    def __init__(self, length, act=lambda index: None):
        self.length = length
        self.act = act

    def __getitem__(self, index):
        self.act(index)
        return index

    def __len__(self):
        return self.length


class Stream(ours.IterableDataset):
    def __init__(self, length, act=lambda index: None):
        self.length = length
        self.act = act

    def __iter__(self):
        for index in range(self.length):
            self.act(index)
            yield index


def raising(error, at):
    def act(index):
        if index == at:
            raise error

    return act
