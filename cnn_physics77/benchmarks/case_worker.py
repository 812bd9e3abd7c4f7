"""A process of its own for one framework that does the cases of the speed suite; see `worker` for the pipe.

Requests: ``start`` (import the framework, set threads), ``open`` (make a case ready), ``values`` (compute
what is compared),
``run`` (untimed calls), ``block`` (timed calls); ``memory`` for a process that measures the peak of one
case; ``profile`` for one that takes a training step apart.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from .. import performance
from ..performance import allocator
from ..results import MemoryRecord
from .adapters.base import Adapter
from .cases import CASES
from .exchange import digest
from .measure import MemoryRuler, check_threads, environment, thread_pools
from .profile import measure_peaks, their_events
from .recorder import our_events
from .work import Training, TrainingCase, Work
from .worker import Worker, serve

MODULE = f"{__package__}.case_worker"


def case_worker(framework: str, threads: int) -> Worker:
    """The parent's handle on such a process."""
    return Worker([framework], threads, MODULE)


class CaseChild:
    """What the child does on each request: one method for one name."""

    adapter: Adapter
    work: Work
    training: Training

    def __init__(self, frameworks: list[str], send: Callable[[dict[str, Any]], None]) -> None:
        (self._framework,) = frameworks

    def start(self, threads: int) -> dict[str, Any]:
        """Import the framework and set its threads."""
        self.adapter = importlib.import_module(f".adapters.{self._framework}", __package__).ADAPTER
        if self._framework == "numpy77":
            performance.apply()  # as a user of this package would
        check_threads(thread_pools(), self.adapter.set_threads(threads), threads)
        return {}

    def environment(self, started: str, command_line: list[str], commit: str | None) -> dict[str, Any]:
        """The record of this process, after it has worked."""
        threads, denormals = self.adapter.torch.get_num_threads(), self.adapter.denormals()
        return dataclasses.asdict(environment(started, command_line, commit, threads, denormals))

    def open(self, key: str, dtype: str | None = None) -> dict[str, Any]:
        """Make a case ready, in the place of the one before and in another dtype if told so; the hash of all
        that it was given."""
        self.__dict__.pop("work", None)
        case = CASES[key]
        if dtype is not None:
            case = dataclasses.replace(case, dtype=dtype)
        if case.favours(self.adapter):
            performance.apply()
        given = case.given()
        held = digest(given)
        self.work = case.prepare(self.adapter, given)
        return {"sha256": held}

    def values(self, file: str) -> dict[str, Any]:
        """Compute what is compared, into an ``.npz`` file."""
        np.savez(file, **self.work.values())  # type: ignore[arg-type]
        return {}

    def run(self, calls: int) -> dict[str, Any]:
        """So many calls, to warm up; the seconds of one."""
        return self.block(calls)

    def block(self, calls: int, untimed: int = 0) -> dict[str, Any]:
        """So many calls on the clock, after some that are not; the seconds of one."""
        call = self.work.call
        gc.collect()
        for _ in range(untimed):
            call()
        start = perf_counter()
        for _ in range(calls):
            call()
        return {"seconds": (perf_counter() - start) / calls}

    def check(self, threads: int) -> dict[str, Any]:
        """Raise if, after the work, some pool would use other than so many threads; what becomes of freed
        memory."""
        check_threads(thread_pools(), self.adapter.torch.get_num_threads(), threads)
        return {"freed_memory": "kept" if allocator.state() == allocator.KEPT else "returned"}

    def memory(self, key: str, calls: int) -> dict[str, Any]:
        """The peak of memory over so many calls: network, optimizer and all that a call needs, without the
        given arrays, and without what the framework loads when it first does such work."""
        case = CASES[key]
        given = case.given()
        case.rehearse(self.adapter)
        ruler = MemoryRuler()
        ruler.start()
        work = case.prepare(self.adapter, given)
        for _ in range(calls):
            work.call()
        return dataclasses.asdict(MemoryRecord(ruler.baseline, ruler.peak(), calls, ruler.name))

    def open_profile(self, case: dict[str, Any], warmup: int) -> dict[str, Any]:
        """Make a training step ready to be taken apart, and warm up."""
        training = TrainingCase(name="profile", **case)
        given = training.given()
        self.training = training.training(self.adapter, given)
        for _ in range(warmup):
            self.training.call()
        return {
            "sha256": digest(given),
            "batch": "x".join(map(str, given["images"].shape[1:])),
            "parameters": sum(p.numel() for p in self.training.network.parameters()),
        }

    def profile(self, steps: int) -> dict[str, Any]:
        """Seconds of so many steps without instruments, and what the instruments record in as many more."""
        plain = [self.training_seconds() for _ in range(steps)]
        if self.adapter.name == "pytorch":
            return {"plain": plain, "events": their_events(self.training.call, steps)}
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
    serve(sys.argv[1:], CaseChild)
