"""A process that runs the cases of the speed suite in one framework; see `process.worker` for the pipe.

Requests: ``start`` (import the framework, set threads), ``open`` (prepare a case), ``values`` (compute the
values that are compared), ``run`` (untimed calls), ``block`` (timed calls); ``memory`` in a process that
measures the peak memory of one case; ``open_profile``, ``profile`` and ``peaks`` in one that profiles a
training step.
"""

from __future__ import annotations

import dataclasses
import gc
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from ... import performance
from ...compile.function import CompiledFunction
from ...results import OURS, MemoryRecord
from .. import adapters
from ..instruments.captured_recorder import captured_parts
from ..instruments.measure import (
    MemoryRuler,
    check_threads,
    environment,
    freed_memory,
    measure_peaks,
    thread_pools,
)
from ..instruments.recorder import our_events
from ..instruments.torch_recorder import their_events
from ..process.shared_inputs import digest
from ..process.worker import serve
from ..train import CALLS_TO_SETTLE
from . import in_jax
from .cases import CASES
from .work import Case, Training, TrainingCase, Work


class Child:
    """The child's side of the pipe: one method for each request."""

    adapter: Any
    work: Work
    training: Training

    def __init__(self, frameworks: list[str], send: Callable[[dict[str, Any]], None]) -> None:
        (self._framework,) = frameworks

    def start(self, threads: int) -> dict[str, Any]:
        """Import the framework and set its threads."""
        self.adapter = adapters.load(self._framework)
        if self._framework == OURS:
            performance.apply()
        check_threads(thread_pools(), self.adapter.set_threads(threads), threads)
        return {}

    def environment(self, started: str, command_line: list[str], commit: str | None) -> dict[str, Any]:
        """The record of this process, taken after it has worked."""
        threads, denormals = self.adapter.threads(), self.adapter.denormals()
        return dataclasses.asdict(environment(started, command_line, commit, threads, denormals))

    def open(self, key: str, dtype: str | None = None) -> dict[str, Any]:
        """Prepare a case, optionally in another dtype, in place of the one before; return the hash of its
        inputs."""
        self.__dict__.pop("work", None)
        case = CASES[key]
        if dtype is not None:
            case = dataclasses.replace(case, dtype=dtype)
        self._set_allocator(case)
        given = case.given()
        held = digest(given)
        self.work = (
            in_jax.prepare(case, self.adapter, given)
            if self._framework == "jax"
            else case.prepare(self.adapter, given)
        )
        return {"sha256": held}

    def _set_allocator(self, case: Case) -> None:
        """Cannot be undone, so such cases have processes of their own."""
        if case.shares_allocator(self.adapter):
            performance.apply()

    def values(self, file: str) -> dict[str, Any]:
        """Compute the values that are compared, and write them to an ``.npz`` file."""
        np.savez(file, **self.work.values())  # type: ignore[arg-type]
        return {}

    def run(self, calls: int) -> dict[str, Any]:
        """Make `calls` calls to warm up; return the seconds of one."""
        return self.block(calls)

    def block(self, calls: int, untimed: int = 0) -> dict[str, Any]:
        """Time `calls` calls, after `untimed` untimed ones; return the seconds of one."""
        call = self.work.call
        gc.collect()
        for _ in range(untimed):
            call()
        start = perf_counter()
        for _ in range(calls):
            call()
        return {"seconds": (perf_counter() - start) / calls}

    def check(self, threads: int) -> dict[str, Any]:
        """Raise if after the work some pool would use more than `threads` threads; return what happens to
        freed memory."""
        check_threads(thread_pools(), self.adapter.threads(), threads)
        return {"freed_memory": freed_memory()}

    def memory(self, key: str, calls: int) -> dict[str, Any]:
        """Peak memory over `calls` calls: network, optimizer and everything that a call needs, without the
        inputs and without the code that the framework loads on first use."""
        case = CASES[key]
        self._set_allocator(case)
        given = case.given()
        case.rehearse(self.adapter)
        ruler = MemoryRuler()
        ruler.start()
        work = case.prepare(self.adapter, given)
        for _ in range(calls):
            work.call()
        return dataclasses.asdict(MemoryRecord(ruler.baseline, ruler.peak(), calls, ruler.name))

    def open_profile(self, case: dict[str, Any], warmup: int) -> dict[str, Any]:
        """Prepare a training step for profiling, and warm up."""
        training = TrainingCase(name="profile", **case)
        given = training.given()
        self.training = training.training(self.adapter, given)
        for _ in range(max(warmup, CALLS_TO_SETTLE)):
            self.training.call()
        return {
            "sha256": digest(given),
            "batch": "x".join(map(str, given["images"].shape[1:])),
            "parameters": sum(p.numel() for p in self.training.network.parameters()),
        }

    def profile(self, steps: int) -> dict[str, Any]:
        """Seconds of `steps` steps without instruments, and the instruments' records of as many more."""
        plain = [self.training_seconds() for _ in range(steps)]
        if self.adapter.name == "pytorch":
            return {"plain": plain, "events": their_events(self.training.call, steps)}
        if isinstance(self.training.step, CompiledFunction):
            return {"plain": plain, "events": captured_parts(self.training.call, self.training.step, steps)}
        events = our_events(self.training.call, self.training.optimizer, steps)
        return {"plain": plain, "events": [[dataclasses.astuple(e) for e in run] for run in events]}

    def training_seconds(self) -> float:
        """The time of one training step."""
        start = perf_counter()
        self.training.call()
        return perf_counter() - start

    def peaks(self, dtype: str) -> dict[str, Any]:
        """The machine's peaks, measured in this process."""
        flops, bandwidth = measure_peaks(dtype)
        return {"flops": flops, "bandwidth": bandwidth}


if __name__ == "__main__":
    serve(sys.argv[1:], Child)
