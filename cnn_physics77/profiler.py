"""``torch.profiler``: nothing is recorded here; labels are taken, and making a profile raises."""

from contextlib import ContextDecorator
from typing import Any

from cnn_physics77 import _lacking


class record_function(ContextDecorator):
    """A label for a part of a profile: a context manager, and decorator, that does nothing.

    >>> import cnn_physics77 as torch
    >>> with torch.profiler.record_function("doubling"):
    ...     2 * torch.ones(2)
    tensor([2., 2.])
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self.args = args

    def __enter__(self) -> "record_function":
        return self

    def __exit__(self, *exception: Any) -> None:
        pass


def kineto_available() -> bool:
    """Whether the library that records profiles is there: no."""
    return False


__all__ = ["kineto_available", "record_function"]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "ExecutionTraceObserver ProfilerAction ProfilerActivity profile schedule supported_activities "
    "tensorboard_trace_handler",
    "no profile is recorded here; use Python's cProfile",
)
