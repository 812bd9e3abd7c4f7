"""No test of loading leaves a worker behind."""

import gc
import threading
import time

import pytest


@pytest.fixture(autouse=True)
def no_worker_is_left():
    """The threads of a test's loaders end without help of the garbage collector."""
    gc.disable()
    try:
        yield
        deadline = time.monotonic() + 20
        while any(thread.name.startswith("DataLoader worker") for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        gc.enable()
