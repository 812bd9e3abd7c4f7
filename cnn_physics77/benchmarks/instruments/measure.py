"""How things are measured: the machine's record and peaks, threads, memory, the order of turns."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import psutil
import threadpoolctl

from ... import performance
from ...core.kernels.runtime.parallel import parallel_for
from ...performance import allocator
from ...results import Environment
from .processors import available_cores

if sys.platform != "win32":
    import resource

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "CNN_PHYSICS77_NUM_THREADS",
    "NPROC",  # XLA's pool
)
"""Environment variables that the native libraries read when they are loaded."""

SETTLE_SECONDS = 0.2
"""Pause before each turn. After their last work idle threads spin, on cores that the other framework needs:
Intel's OpenMP for 0.2 s (KMP_BLOCKTIME), OpenBLAS for 0.1 s, GNU's OpenMP for 0.01 s."""

PEAK_SECONDS = 0.3
"""How long one measurement of each of the machine's peaks takes: a few large products."""

Runner = TypeVar("Runner")


class MeasurementError(RuntimeError):
    """A measurement would not mean what it says."""


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that limit every native library to `threads` threads.

    >>> thread_environment(2)["OMP_NUM_THREADS"]
    '2'
    """
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def thread_pools() -> list[dict[str, Any]]:
    """What each native thread pool of this process reports (threadpoolctl)."""
    keys = ("user_api", "internal_api", "version", "num_threads", "threading_layer", "architecture")
    return [{key: pool.get(key) for key in keys if key in pool} for pool in threadpoolctl.threadpool_info()]


def check_threads(pools: list[dict[str, Any]], framework_threads: int, threads: int) -> None:
    """Raise MeasurementError unless the framework uses `threads` threads and every pool at most as many.

    A pool may report fewer: a framework that splits the work itself limits BLAS to one thread.

    >>> check_threads([{"internal_api": "openblas", "num_threads": 4}], 2, 2)
    Traceback (most recent call last):
    ...
    cnn_physics77.benchmarks.instruments.measure.MeasurementError: threads: expected at most 2 in every pool,
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


def interleaved(runners: Sequence[Runner], rounds: int) -> Iterator[tuple[int, Runner]]:
    """Each runner once per round, the order reversed from round to round (A B B A A B ...).

    A drift of the machine that is linear in time then affects all of them equally.

    >>> list(interleaved("AB", 3))
    [(1, 'A'), (1, 'B'), (2, 'B'), (2, 'A'), (3, 'A'), (3, 'B')]
    """
    for number in range(1, rounds + 1):
        for runner in runners if number % 2 else reversed(runners):
            yield number, runner


# ----------------------------------------------------------------------------------------- peaks


def measure_peaks(dtype: str = "float32", seconds: float = PEAK_SECONDS) -> tuple[float, float]:
    """This machine's rate of a large matrix product, FLOP/s, and of a large copy, bytes read and written a
    second.

    The best of as many as fit into `seconds`: the product of 1536 x 1536 matrices with all of BLAS's
    threads, the copy of 64 MB by as many of our threads. Measure several times over a run and take the best:
    other programs, and the processor's clock, lower some of the measurements.
    """
    a = np.random.default_rng(0).random((1536, 1536)).astype(dtype)
    product = np.empty_like(a)
    source = np.zeros(1 << 26, np.uint8)
    target = np.zeros_like(source)
    pieces = 16
    size = source.size // pieces

    def copy_piece(index: int) -> None:
        target[index * size : (index + 1) * size] = source[index * size : (index + 1) * size]

    flops = 2.0 * 1536**3 / _best(lambda: np.matmul(a, a, out=product), seconds)
    bandwidth = 2.0 * source.nbytes / _best(lambda: parallel_for(copy_piece, pieces, 1e4), seconds)
    return flops, bandwidth


def _best(work: Callable[[], Any], seconds: float) -> float:
    best, end = np.inf, perf_counter() + seconds
    while perf_counter() < end:
        start = perf_counter()
        work()
        best = min(best, perf_counter() - start)
    return best


# ----------------------------------------------------------------------------------------- memory


def _status(key: str) -> int:
    """A size of this process in bytes as Linux reports it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {key}")


def _held_by_children() -> int:
    """Bytes that nobody but the processes which this one has started hold."""
    held = 0
    for child in psutil.Process().children():
        try:
            held += child.memory_full_info().uss
        except psutil.Error:  # it has just ended, or the system does not say
            continue
    return held


class MemoryRuler:
    """Reads the peak resident memory of this process since `start`.

    Processes that it has started count with what they alone hold when it is read; what they share with it is
    part of its own peak.

    On Linux the kernel's high-water mark is reset at the start, so that loading the data does not count.
    Elsewhere it covers the whole life of the process, so that a peak below an earlier one is not seen; the
    name of the ruler says so.

    Attributes:
        name: how the peak is read.
        baseline: resident bytes at the start.
    """

    def __init__(self) -> None:
        self.baseline = 0
        try:
            self._reset()
            self.name = "VmHWM, reset at the baseline"
        except OSError:
            self.name = "peak of the whole process (it cannot be reset here)"

    @staticmethod
    def _reset() -> None:
        Path("/proc/self/clear_refs").write_text("5")

    def start(self) -> None:
        """Take the baseline and reset the peak. Freed memory is returned to the system first; otherwise it
        could be used again without showing in the peak."""
        gc.collect()
        allocator.trim()
        if self.name.startswith("VmHWM"):
            self._reset()
            self.baseline = _status("VmRSS") + _held_by_children()
        else:
            self.baseline = psutil.Process().memory_info().rss + _held_by_children()

    def peak(self) -> int:
        """Highest resident bytes since the start."""
        if self.name.startswith("VmHWM"):
            return _status("VmHWM") + _held_by_children()
        if sys.platform == "win32":
            return psutil.Process().memory_info().peak_wset
        unit = 1 if sys.platform == "darwin" else 1024  # macOS counts in bytes, others in kilobytes
        # the two counters are kept apart and may differ by a few pages
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        return max(self.baseline, own + _held_by_children())


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
    """The commit of the checkout that this package runs from, with "+" if files differ from it."""
    folder = Path(__file__).resolve().parents[3]
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
    for package in ("cnn_physics77", "numpy", "torch", "jax", "threadpoolctl"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # run from a checkout, or not part of this comparison
    return found


def freed_memory() -> str:
    """What happens to freed memory in this process: "kept" or "returned"."""
    return "kept" if allocator.state() == allocator.KEPT else "returned"


def environment(
    started: str, command_line: list[str], commit: str | None, framework_threads: int, denormals: str
) -> Environment:
    """The record of this process and its machine; call it after the framework was imported and has worked.

    Args:
        started, command_line, commit: of the invocation, from the parent process.
        framework_threads, denormals: as the framework reports them.
    """
    return Environment(
        started=started,
        command_line=[word.encode(errors="backslashreplace").decode() for word in command_line],
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
        freed_memory=freed_memory(),
        performance=str(performance.status()).splitlines(),
    )
