"""A tenth of the samples of PyTorch's own databases: what this package has agrees, but for stated departures.

``python -m cnn_physics77.testing.conformance`` runs them all.
"""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.needs_torch
def test_a_tenth_of_pytorchs_samples():
    command = [sys.executable, "-m", "cnn_physics77.testing.conformance", "--tenth"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "everyday operations" in run.stdout
