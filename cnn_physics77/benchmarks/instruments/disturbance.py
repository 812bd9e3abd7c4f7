"""Whether other programs worked while something was measured, and what is done about it.

On a shared machine a measurement can be wrong by a factor: threads that wait for each other at a barrier all
wait for the one that another program displaced. So every timed part is watched. `Watch` compares two counters
of the system at its start and end: the time that the processors worked (with the time that a hypervisor took
away, "steal"), and the time that this process and its descendants were given. The difference is what others
took. `undisturbed` measures again where that was too much, a bounded number of times.

Only processors that this process may run on count: pin it to quiet ones (``taskset``), and programs on the
others do not disturb it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import perf_counter, sleep
from typing import Protocol, TypeVar

import psutil

from ...results import Disturbance

MOST_OTHERS = 0.1
"""Processors that others may keep busy. Not a share of the machine: one busy processor delays every thread at
a barrier, however many there are. A tenth of one delays it by up to 10 %, the smallest change of a ratio that
`speed.history` reports."""

TICK_SECONDS = 0.01
"""Resolution of the system's counters. Two ticks on each processor are allowed beside `MOST_OTHERS`: the
system samples who works, and the difference of two readings is off by that much."""

MOST_REPEATS = 2
"""Further attempts at a disturbed part. Chance disturbances (a job of the system, a compiler) have passed by
then, others last; three attempts bound the time of a run on a machine that is never quiet."""

Result = TypeVar("Result")


class Counters(Protocol):
    """Two counters of processor time, in seconds, and over how many processors."""

    processors: int

    def machine(self) -> float | None:
        """Time worked on the processors by anybody, or stolen from them; None where the system has none."""

    def own(self) -> float | None:
        """Time given to this process and its descendants; None where it is unknown."""


class SystemCounters:
    """The system's own counters: /proc/stat and /proc/PID/stat on Linux, their counterparts elsewhere."""

    def __init__(self) -> None:
        affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        self._allowed = sorted(affinity)
        self.processors = len(self._allowed)

    def machine(self) -> float | None:
        try:
            times = psutil.cpu_times(percpu=True)
        except (OSError, NotImplementedError, RuntimeError):
            return None
        kinds = ("user", "nice", "system", "irq", "softirq", "steal")  # a guest's time is in user already
        chosen = [times[number] for number in self._allowed if number < len(times)]
        return sum(getattr(time, kind, 0.0) for time in chosen for kind in kinds) if chosen else None

    def own(self) -> float | None:
        total = 0.0
        try:
            me = psutil.Process()
            family = [me, *me.children(recursive=True)]
        except (psutil.Error, OSError):
            return None
        for process in family:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:  # ended just now: its parent's counters have its time
                continue
            except (psutil.Error, OSError):
                return None
            total += times.user + times.system
            total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        return total


class Watch:
    """A context that notes how much processor time others took inside of it.

    Args:
        counters: where the times are read.

    Attributes:
        others: processors that others kept busy, after the context; None where the system does not say.
        disturbed: whether that was more than `MOST_OTHERS` and the counters' resolution.
    """

    others: float | None = None
    disturbed: bool = False

    def __init__(self, counters: Counters | None = None) -> None:
        self._counters = counters or SystemCounters()

    def _read(self) -> float | None:
        machine, own = self._counters.machine(), self._counters.own()
        return None if machine is None or own is None else machine - own

    def __enter__(self) -> Watch:
        self._before, self._start = self._read(), perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, after = perf_counter() - self._start, self._read()
        if self._before is None or after is None:
            return
        taken = max(0.0, after - self._before)
        resolution = 2 * TICK_SECONDS * self._counters.processors
        self.others = taken / seconds
        self.disturbed = taken > MOST_OTHERS * seconds + resolution


def undisturbed(
    measure: Callable[[int], Result], settle: float = 0.0, counters: Counters | None = None
) -> tuple[Result, Disturbance]:
    """Measure, and again while others disturb it, at most `MOST_REPEATS` times more.

    Args:
        measure: called with the number of the attempt, from 1; its work must be the same each time.
        settle: pause in seconds before each attempt. It is watched as well: a block of some hundredths of a
            second alone would be below the resolution of the counters.
        counters: where processor times are read; by default the system's.
    Returns:
        the result of the least disturbed attempt, and the record that belongs beside it.
    """
    counters = counters or SystemCounters()
    found: list[tuple[float, Result, Watch]] = []
    for attempt in range(1, MOST_REPEATS + 2):
        with Watch(counters) as watch:
            sleep(settle)
            result = measure(attempt)
        found.append((watch.others or 0.0, result, watch))
        if not watch.disturbed:
            break
    else:
        _, result, watch = min(found, key=lambda item: item[0])
    return result, Disturbance(watch.others, len(found), watch.disturbed)
