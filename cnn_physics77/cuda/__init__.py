"""``torch.cuda``, as of a PyTorch that was built for the CPU alone: there is no device.

Questions have an answer, what concerns all devices does nothing, and what needs a device raises.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from cnn_physics77 import _lacking
from cnn_physics77.cuda import amp, nvtx, random
from cnn_physics77.cuda.random import *
from cnn_physics77.cuda.random import NO_DEVICE


def is_available() -> bool:
    """Whether there is a CUDA device: no.

    >>> is_available()
    False
    """
    return False


def device_count() -> int:
    """The number of CUDA devices: 0."""
    return 0


def is_initialized() -> bool:
    """Whether CUDA was initialized: no."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the device computes in bfloat16: no, as there is none."""
    return False


def get_arch_list() -> list[str]:
    """The architectures that the package was built for: none."""
    return []


def empty_cache() -> None:
    """Nothing: there is no memory of a device."""


def memory_allocated(device: Any = None) -> int:
    """The bytes that tensors occupy on the device: 0."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def stream(stream: Any) -> AbstractContextManager:
    """A context that does nothing, for ``None``, as no other stream can be made."""
    return nullcontext()


_NEED_DEVICE = _lacking.refuse(
    globals(),
    "current_device current_stream default_stream get_device_capability get_device_name "
    "get_device_properties init ipc_collect mem_get_info memory_summary "
    "reset_max_memory_allocated reset_peak_memory_stats set_device synchronize",
    AssertionError,
    NO_DEVICE,
)


class _OfDevice:
    """An object of a device; none can be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            f"cuda.{type(self).__name__}: expected a CUDA device, found none; ask torch.cuda.is_available() "
            "first, and measure time with time.perf_counter() on the CPU"
        )


class Event(_OfDevice):
    """A point in a stream. Raises RuntimeError: there is no device."""


class Stream(_OfDevice):
    """A queue of a device. Raises RuntimeError: there is no device."""


__all__ = [
    "Event",
    "Stream",
    "amp",
    "device_count",
    "empty_cache",
    "get_arch_list",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "nvtx",
    "random",
    "stream",
    *_NEED_DEVICE,
    *random.__all__,
]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "BoolTensor ByteTensor CharTensor CUDAGraph DoubleTensor FloatTensor HalfTensor IntTensor LongTensor "
    "ShortTensor StreamContext device device_of graph make_graphed_callables set_stream",
    "there is no CUDA device; ask torch.cuda.is_available() first",
)
