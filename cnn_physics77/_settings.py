"""Settings of PyTorch for the whole process that change nothing here; they keep what is set.

There is one device. Every result is deterministic: two runs with the same seed on the same machine are equal.
"""

from __future__ import annotations

from typing import Any

from cnn_physics77.core.backend.device import check_device, device

_deterministic = False
_warn_only = False
_matmul_precision = "highest"
_DEBUG_MODES = ("default", "warn", "error")


def get_default_device() -> device:
    """The device on which tensors are made: the CPU.

    >>> get_default_device()
    device(type='cpu')
    """
    return device("cpu")


def set_default_device(device: Any) -> None:
    """Make tensors on a device from now on: the CPU, or None for it.

    Raises:
        RuntimeError: any other device.
    """
    check_device("set_default_device", device)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted: every algorithm is deterministic, with any mode.

    >>> use_deterministic_algorithms(True)
    >>> are_deterministic_algorithms_enabled()
    True
    >>> use_deterministic_algorithms(False)
    """
    if not isinstance(mode, bool):
        raise TypeError(
            f"use_deterministic_algorithms: expected the mode as a bool, found {type(mode).__name__}"
        )
    global _deterministic, _warn_only
    _deterministic, _warn_only = mode, mode and warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """What :func:`use_deterministic_algorithms` set."""
    return _deterministic


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """The ``warn_only`` of :func:`use_deterministic_algorithms`."""
    return _warn_only


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """:func:`use_deterministic_algorithms` by ``"default"`` or 0 (off), ``"warn"`` or 1, ``"error"`` or 2."""
    mode = _DEBUG_MODES.index(debug_mode) if debug_mode in _DEBUG_MODES else debug_mode
    if mode not in (0, 1, 2):
        raise RuntimeError(
            f"set_deterministic_debug_mode: expected 0, 1, 2 or one of {_DEBUG_MODES}, found {debug_mode!r}"
        )
    use_deterministic_algorithms(mode != 0, warn_only=mode == 1)


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2: see :func:`set_deterministic_debug_mode`."""
    return (1 if _warn_only else 2) if _deterministic else 0


def set_float32_matmul_precision(precision: str) -> None:
    """Accepted: products of float32 matrices are always computed in float32, with any precision."""
    if precision not in ("highest", "high", "medium"):
        raise ValueError(
            f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', found {precision!r}"
        )
    global _matmul_precision
    _matmul_precision = precision


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` set."""
    return _matmul_precision


def get_num_interop_threads() -> int:
    """1: operations do not run beside each other, whatever :func:`set_num_interop_threads` was told."""
    return 1


def set_num_interop_threads(num_threads: int) -> None:
    """Accepted: operations run one after another, each on the threads of :func:`set_num_threads`.

    Raises:
        RuntimeError: the number is not positive.
    """
    if num_threads < 1:
        raise RuntimeError(
            f"set_num_interop_threads: expected a positive number of threads, found {num_threads}"
        )


def set_flush_denormal(mode: bool) -> bool:
    """False: NumPy computes with denormal numbers, and cannot be told to take them for 0."""
    return False


def set_warn_always(b: bool) -> None:
    """Accepted: Python's own filters decide how often a warning is shown."""


def is_warn_always_enabled() -> bool:
    """False: see :func:`set_warn_always`."""
    return False


def _assert(condition: Any, message: str) -> None:
    """``assert condition, message``, as a function."""
    assert condition, message


__all__ = [
    "are_deterministic_algorithms_enabled",
    "get_default_device",
    "get_deterministic_debug_mode",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_warn_always_enabled",
    "set_default_device",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_warn_always",
    "use_deterministic_algorithms",
]
