"""``torch.accelerator``: there is no accelerator.

>>> import cnn_physics77 as torch
>>> torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
device(type='cpu')
"""

from __future__ import annotations

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


_NEED_DEVICE = _lacking.refuse(
    globals(),
    "current_device_index current_stream empty_cache empty_host_cache get_device_capability "
    "get_memory_info max_memory_allocated max_memory_reserved memory_allocated memory_reserved "
    "memory_stats reset_accumulated_memory_stats reset_peak_memory_stats set_device_index set_stream "
    "synchronize",
    RuntimeError,
    "Cannot access accelerator device when none is available; ask torch.accelerator.is_available() first",
)


__all__ = [
    "current_accelerator",
    "device_count",
    "is_available",
    *_NEED_DEVICE,
]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "Graph device_index",
    "there is no accelerator; ask torch.accelerator.is_available() first",
)
