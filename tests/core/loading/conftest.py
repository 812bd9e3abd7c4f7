"""No test of loading leaves a worker behind."""

import gc

import pytest

from tests.core.loading.samples import wait_until, worker_threads


@pytest.fixture(autouse=True)
def no_worker_is_left():
    """The threads of a test's loaders end without help of the garbage collector."""
    gc.disable()
    try:
        yield
        wait_until(lambda: not worker_threads())
    finally:
        gc.enable()
