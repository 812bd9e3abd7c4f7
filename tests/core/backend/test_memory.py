"""The allocator keeps what a training step frees, and is left alone where the user says so."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
import cnn_physics77
from cnn_physics77.core.backend import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        arrays = [np.ones(2_000_000, np.float32) for _ in range(8)]
        del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(memory.kept, faults())
"""


def run(**variables: str) -> tuple[str, int]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=clean | variables, capture_output=True, text=True, check=True
    )
    kept, faults = done.stdout.split()
    return kept, int(faults)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_freed_memory_is_used_again_without_page_faults():
    kept, faults = run()
    if kept == "False":  # another C library: nothing to show
        assert not hasattr(os, "confstr") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or "")
        return
    assert faults < 100  # each round touches 15,625 pages
    assert run(CNN_PHYSICS77_KEEP_FREED_MEMORY="0")[1] > 10_000


@pytest.mark.parametrize(
    "variables",
    [
        {"CNN_PHYSICS77_KEEP_FREED_MEMORY": "0"},
        {"MALLOC_TRIM_THRESHOLD_": "131072"},
        {"MALLOC_MMAP_THRESHOLD_": "131072"},
        {"GLIBC_TUNABLES": "glibc.malloc.arena_max=8"},
    ],
)
def test_settings_of_the_users_own_are_left_alone(variables):
    assert run(**variables)[0] == "False"
