"""``torch.utils.benchmark``: timing of small pieces of code, by Python's ``timeit``."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import mean, median, quantiles
from typing import Any

from cnn_physics77 import _lacking
from cnn_physics77.core.kernels.runtime.pool import get_num_threads, set_num_threads


@dataclass
class Measurement:
    """Times of one statement.

    Attributes:
        number_per_run: how often the statement ran in each of the measurements.
        raw_times: the seconds of each measurement.
        title: the label or the statement.
        num_threads: the threads that it ran with.

    >>> Measurement(10, [1.0, 2.0, 3.0], "x + 1", 1)
    x + 1
      Median: 200 ms
      3 measurements, 10 runs per measurement, 1 thread
    """

    number_per_run: int
    raw_times: list[float]
    title: str
    num_threads: int

    @property
    def times(self) -> list[float]:
        """The seconds of one run, of each measurement."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        """The mean of the times."""
        return mean(self.times)

    @property
    def median(self) -> float:
        """The median of the times."""
        return median(self.times)

    @property
    def iqr(self) -> float:
        """The distance of the quartiles of the times; 0 for a single one."""
        if len(self.raw_times) < 2:
            return 0.0
        low, _, high = quantiles(self.times, n=4, method="inclusive")
        return high - low

    def __repr__(self) -> str:
        value, unit = next(
            ((self.median * scale, unit) for scale, unit in _UNITS if self.median * scale >= 1),
            (self.median * 1e9, "ns"),
        )
        several, threads = len(self.raw_times) != 1, self.num_threads != 1
        return (
            f"{self.title}\n  {'Median: ' if several else ''}{value:.3g} {unit}\n  {len(self.raw_times)} "
            f"measurement{'s' * several}, {self.number_per_run} runs {'per measurement' if several else ''}, "
            f"{self.num_threads} thread{'s' * threads}"
        )


_UNITS = ((1.0, "s"), (1e3, "ms"), (1e6, "us"))


class Timer:
    """Times a statement, with one thread by default.

    Args:
        stmt: the statement.
        setup: runs once before each measurement.
        global_setup: must be empty; it is for C++.
        timer: the clock.
        globals: the names that the statement may use.
        label: the title of the result; the statement by default.
        sub_label: added to the title.
        description: added to the title.
        env: not used.
        num_threads: see ``set_num_threads``, which is restored afterwards.

    >>> Timer("x + 1", globals={"x": 1}).timeit(3).number_per_run
    3
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
    ) -> None:
        if global_setup:
            raise ValueError(
                "Timer: expected no global_setup, which is for C++, found one; use setup instead"
            )
        import cnn_physics77

        self._timer = timeit.Timer(stmt, setup, timer, {"torch": cnn_physics77, **(globals or {})})
        self._title = ": ".join(filter(None, (label or stmt, sub_label, description)))
        self._num_threads = num_threads

    @contextmanager
    def _threads(self) -> Iterator[None]:
        before = get_num_threads()
        set_num_threads(self._num_threads)
        try:
            yield
        finally:
            set_num_threads(before)

    def _measurement(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, times, self._title, self._num_threads)

    def timeit(self, number: int = 1000000) -> Measurement:
        """One measurement of ``number`` runs, after a warm-up of a hundredth of them."""
        with self._threads():
            self._timer.timeit(max(number // 100, 2))
            return self._measurement(number, [self._timer.timeit(number)])

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Measurements of as many runs that one takes ``min_run_time / 1000``, for ``min_run_time`` seconds.

        Args:
            callback: is called with (number of runs, seconds) of each.
        """
        with self._threads():
            number = 1
            while self._timer.timeit(number) < min_run_time / 1000:
                number *= 10
            times: list[float] = []
            while sum(times) < min_run_time:
                times.append(self._timer.timeit(number))
                if callback is not None:
                    callback(number, times[-1])
            return self._measurement(number, times)


__all__ = [
    "Measurement",
    "Timer",
]

__getattr__, __dir__ = _lacking.attributes(globals(), "Compare CallgrindStats Fuzzer", "use Timer")
