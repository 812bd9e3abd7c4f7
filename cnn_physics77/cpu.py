"""``torch.cpu``: the one device there is. Nothing runs beside the program."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any


def is_available() -> bool:
    """Whether there is a CPU: yes."""
    return True


def is_initialized() -> bool:
    """True."""
    return True


def device_count() -> int:
    """The number of CPUs that count as devices: 1."""
    return 1


def current_device() -> str:
    """The name of the device.

    >>> current_device()
    'cpu'
    """
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing: there is no other device."""


def synchronize(device: Any = None) -> None:
    """Nothing: every operation has ended when it returns."""


def stream(stream: Any) -> AbstractContextManager:
    """A context that does nothing."""
    return nullcontext()


__all__ = [
    "current_device",
    "device_count",
    "is_available",
    "is_initialized",
    "set_device",
    "stream",
    "synchronize",
]
