"""What the tests of kernels share."""

import pytest

from cnn_physics77.core.kernels.runtime.pool import get_num_threads, set_num_threads


@pytest.fixture
def two_threads():
    """Two threads for the test, whatever the machine has."""
    before = get_num_threads()
    set_num_threads(2)
    yield
    set_num_threads(before)
