"""``torch.accelerator``: there is no accelerator.

>>> import cnn_physics77 as torch
>>> torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
device(type='cpu')
"""

from __future__ import annotations

from typing import Any

from cnn_physics77 import _lacking


def is_available() -> bool:
    """Whether there is an accelerator: no."""
    return False


def device_count() -> int:
    """The number of devices of the accelerator: 0."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """The device of the accelerator: None."""
    return None


def _needs_device(name: str) -> Any:
    return _lacking.refusing(
        f"accelerator.{name}",
        RuntimeError,
        "Cannot access accelerator device when none is available; ask torch.accelerator.is_available() first",
    )


current_device_index = _needs_device("current_device_index")
current_stream = _needs_device("current_stream")
empty_cache = _needs_device("empty_cache")
get_memory_info = _needs_device("get_memory_info")
max_memory_allocated = _needs_device("max_memory_allocated")
max_memory_reserved = _needs_device("max_memory_reserved")
memory_allocated = _needs_device("memory_allocated")
memory_reserved = _needs_device("memory_reserved")
reset_peak_memory_stats = _needs_device("reset_peak_memory_stats")
set_device_index = _needs_device("set_device_index")
set_stream = _needs_device("set_stream")
synchronize = _needs_device("synchronize")


__all__ = [
    "current_accelerator",
    "current_device_index",
    "current_stream",
    "device_count",
    "empty_cache",
    "get_memory_info",
    "is_available",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "reset_peak_memory_stats",
    "set_device_index",
    "set_stream",
    "synchronize",
]
