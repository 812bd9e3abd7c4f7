"""The allocator keeps what a training step frees if told to, and is left alone where the user says so."""

import os
import subprocess
import sys

import pytest

from cnn_physics77.performance import allocator

PROGRAM = """
import resource, sys, threading
import numpy as np
import cnn_physics77
from cnn_physics77 import performance
from cnn_physics77.performance import allocator

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(2):
        arrays = [np.ones(900_000, np.float32) for _ in range(8)]
        del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def show():
    faults()
    print(faults(), allocator.state(), sep=";")

"""

glibc = pytest.mark.skipif(
    not hasattr(os, "confstr") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""),
    reason="another C library",
)


def run(program: str, **variables: str) -> list[tuple[int, str]]:
    """The lines of `show` in a process of its own: page faults of 14,000 pages touched, and the state."""
    own = allocator.SETTINGS_OF_THE_USER
    clean = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + program],
        env=clean | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split(";") for line in done.stdout.splitlines()]
    return [(int(faults), state) for faults, state in lines]


@glibc
def test_freed_memory_is_used_again_without_page_faults_once_applied():
    (before, untouched), (after, kept) = run("show(); performance.apply(); show()")
    assert untouched == allocator.UNTOUCHED and before > 10_000
    assert kept == allocator.KEPT and after < 100


@glibc
@pytest.mark.skipif(
    not allocator.LARGE_PAGES.exists() or "[never]" in allocator.LARGE_PAGES.read_text(),
    reason="Linux has no pages of 2 MB here",
)
@pytest.mark.parametrize(
    ("apply", "large"),
    [
        ("performance.apply()", "True"),
        ("performance.apply(); allocator.trim(); performance.apply()", "True"),
        ("thread = threading.Thread(target=performance.apply); thread.start(); thread.join()", "False"),
        *(
            (
                "size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize(); "
                f"resource.setrlimit(resource.RLIMIT_AS, (size + {more},) * 2); performance.apply()",
                "False",
            )
            for more in (allocator.RESERVED_BYTES // 2, allocator.MMAP_BYTES // 4)
        ),
    ],
    ids=["once", "again", "in a thread", "no addresses to reserve", "no memory"],
)
def test_arrays_lie_in_large_pages_if_it_says_so(apply, large):
    """At least they may, as the system may have none free: Linux calls the advice "hg"."""
    program = """
x = np.ones(300_000, np.float32)
address, advised = x.__array_interface__["data"][0], []
for line in open("/proc/self/smaps"):
    first = line.split()[0]
    if not first.endswith(":"):
        start, stop = (int(end, 16) for end in first.split("-"))
        here = start < address + x.nbytes and address < stop
    elif first == "VmFlags:" and here:
        advised.append("hg" in line.split())
print(int(bool(advised) and all(advised)), performance.status().large_pages, sep=";")
"""
    ((advised, said),) = run(apply + program)
    assert said == large and (advised or said == "False")


@glibc
def test_a_policy_ends_and_gives_the_memory_back():
    program = """
with performance.policy(keep_freed_memory=True):
    show()
    with performance.policy(keep_freed_memory=True, threads=1):
        pass
    show()
    with performance.policy(keep_freed_memory=False):
        show()
    show()
    large = [np.ones(2_000_000, np.float32) for _ in range(8)]
    end = np.ones(1000)
    del large
    inside = resident()
assert inside - resident() > 50_000_000
show()
performance.apply(keep_freed_memory=False)
show()
lots = [np.ones(5_000_000, np.float32) for _ in range(8)]  # fill every hole
before = resident()
more = [np.ones(5_000_000, np.float32) for _ in range(8)]
del more
assert resident() - before < 1_000_000
"""
    *lines, after, last = run(program)
    assert [state for _, state in lines] == [
        allocator.KEPT,
        allocator.KEPT,
        allocator.RETURNED,
        allocator.KEPT,
    ]
    assert [faults < 100 for faults, _ in lines] == [True, True, False, True]
    assert after[1] == last[1] == allocator.RETURNED


@glibc
@pytest.mark.parametrize(
    "variable, value",
    [
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ("MALLOC_MMAP_THRESHOLD_", "131072"),
        ("MALLOC_TOP_PAD_", "131072"),
        ("GLIBC_TUNABLES", "glibc.malloc.arena_max=8"),
    ],
)
def test_settings_of_the_users_own_are_left_alone(variable, value):
    ((faults, state),) = run("performance.apply(); show()", **{variable: value})
    assert state == f"left alone: {variable} is set" and faults > 10_000


def test_another_c_library_is_said_to_have_no_such_setting(monkeypatch):
    monkeypatch.setattr(allocator, "_glibc", lambda: None)
    assert not allocator.keep_freed_memory() and not allocator.return_freed_memory()
    assert allocator.state() == "not available: the C library is not glibc"
    allocator.trim()
