"""How things are measured: the machine's record, threads, memory, and whose turn it is."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..performance import allocator
from ..results import Environment

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "CNN_PHYSICS77_NUM_THREADS",
)
"""What the native libraries read when they are loaded; set before a process imports any of them."""

SETTLE_SECONDS = 0.2
"""Pause before each turn: OpenMP's threads spin for as long after their last work, on the other's cores."""

Side = TypeVar("Side")


class MeasurementError(RuntimeError):
    """A measurement that would not mean what it says."""


def available_cores() -> int:
    """Logical processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that hold every native library to `threads` threads.

    >>> thread_environment(2)["OMP_NUM_THREADS"]
    '2'
    """
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def thread_pools() -> list[dict[str, Any]]:
    """What each native thread pool of this process reports, by threadpoolctl."""
    import threadpoolctl

    keys = ("user_api", "internal_api", "version", "num_threads", "threading_layer", "architecture")
    return [{key: pool.get(key) for key in keys if key in pool} for pool in threadpoolctl.threadpool_info()]


def check_threads(pools: list[dict[str, Any]], framework_threads: int, threads: int) -> None:
    """Raise MeasurementError when a pool, or the framework itself, would use other than `threads` threads.

    A pool may report fewer: a framework that splits its work itself holds BLAS to one thread meanwhile.

    >>> check_threads([{"internal_api": "openblas", "num_threads": 4}], 2, 2)
    Traceback (most recent call last):
    ...
    cnn_physics77.benchmarks.measure.MeasurementError: threads: expected at most 2 in every pool,
    found 4 in openblas; unset what overrides OPENBLAS_NUM_THREADS and its like
    """
    if framework_threads != threads:
        raise MeasurementError(
            f"threads: expected the framework to report {threads}, found {framework_threads}"
        )
    for pool in pools:
        if pool["num_threads"] > threads:
            raise MeasurementError(
                f"threads: expected at most {threads} in every pool, found {pool['num_threads']} in "
                f"{pool['internal_api']}; unset what overrides OPENBLAS_NUM_THREADS and its like"
            )


def turns(sides: Sequence[Side], rounds: int) -> Iterator[tuple[int, Side]]:
    """Who runs when: every side once a round, the order turned about from round to round (A B B A A B ...).

    A drift of the machine that is linear in time then falls equally on both.

    >>> list(turns("AB", 3))
    [(1, 'A'), (1, 'B'), (2, 'B'), (2, 'A'), (3, 'A'), (3, 'B')]
    """
    for number in range(1, rounds + 1):
        for side in sides if number % 2 else reversed(sides):
            yield number, side


# ----------------------------------------------------------------------------------------- memory


def _status(key: str) -> int:
    """A size of this process in bytes as Linux reports it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {key}")


class MemoryRuler:
    """Reads the peak resident memory of this process since `start`.

    On Linux the kernel's high-water mark is set back at the start, so that loading the data does not count.
    Elsewhere the mark covers the whole life of the process; then a peak below that of the start cannot be
    seen, and the name of the ruler says so.

    Attributes:
        name: how the peak is read.
        baseline: resident bytes at the start.
    """

    def __init__(self) -> None:
        self.baseline = 0
        try:
            self._reset()
            self.name = "VmHWM, set back at the baseline"
        except OSError:
            self.name = "peak of the whole process (it cannot be set back here)"

    @staticmethod
    def _reset() -> None:
        Path("/proc/self/clear_refs").write_text("5")

    def start(self) -> None:
        """Take the baseline and set the peak back to it. What has been freed is given back to the system
        first: used again unseen, it would be missing in the peak."""
        gc.collect()
        allocator.trim()
        if self.name.startswith("VmHWM"):
            self._reset()
            self.baseline = _status("VmRSS")
        else:
            import psutil

            self.baseline = psutil.Process().memory_info().rss

    def peak(self) -> int:
        """Highest resident bytes since the start."""
        if self.name.startswith("VmHWM"):
            return _status("VmHWM")
        if sys.platform == "win32":
            import psutil

            return psutil.Process().memory_info().peak_wset
        import resource

        unit = 1 if sys.platform == "darwin" else 1024  # macOS counts in bytes, others in kilobytes
        # the two counters are kept apart and may differ by a few pages
        return max(self.baseline, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


# ----------------------------------------------------------------------------------------- the record


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _caches() -> dict[str, str]:
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        found[f"L{level}" + {"Data": "d", "Instruction": "i"}.get(kind, "")] = size
    return found


def source_commit() -> str | None:
    """The commit of the checkout that this package runs from, "+" appended when files differ from it."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + (
            "+" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.SubprocessError):
        return None


def _versions() -> dict[str, str]:
    found = {}
    for package in ("cnn_physics77", "numpy", "torch", "threadpoolctl"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # run from a checkout, or not part of this comparison
    return found


def environment(
    started: str, command_line: list[str], commit: str | None, framework_threads: int, denormals: str
) -> Environment:
    """The record of this process and its machine, taken after the framework has been imported and has worked.

    Args:
        started, command_line, commit: of the invocation, known to the process that began it.
        framework_threads, denormals: as the framework reports them.
    """
    import psutil

    return Environment(
        started=started,
        command_line=command_line,
        commit=commit,
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=_cpu(),
        cores=available_cores(),
        caches=_caches(),
        memory_bytes=psutil.virtual_memory().total,
        packages=_versions(),
        thread_variables={name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        thread_pools=thread_pools(),
        framework_threads=framework_threads,
        denormals=denormals,
        freed_memory="kept" if allocator.state() == allocator.KEPT else "returned",
    )
