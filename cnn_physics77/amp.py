"""``torch.amp``: mixed precision. There is none here: everything is computed in the dtype of its inputs.

A script that asks for CUDA is answered as by PyTorch's build for the CPU: a warning, and no mixed precision.
One that asks the CPU itself for bfloat16 or float16 is refused.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any

from cnn_physics77.core.backend.dtype import dtype as Dtype
from cnn_physics77.core.backend.dtypes import bfloat16, float16
from cnn_physics77.core.backend.warning import warn

_DEVICES = ("cpu", "cuda", "mps", "xpu")


def is_autocast_available(device_type: str) -> bool:
    """Whether there is mixed precision on a kind of device; PyTorch's name for "is the kind known"."""
    return device_type in _DEVICES


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether operations compute in another dtype than that of their inputs: no."""
    return False


def is_autocast_cpu_enabled() -> bool:
    """False: see :func:`is_autocast_enabled`."""
    return False


def is_autocast_cache_enabled() -> bool:
    """True, PyTorch's default; there is nothing to keep."""
    return True


def clear_autocast_cache() -> None:
    """Does nothing: no converted weights are kept."""


def get_autocast_dtype(device_type: str) -> Dtype:
    """The dtype in which PyTorch's :class:`autocast` would compute.

    >>> import cnn_physics77 as torch
    >>> torch.get_autocast_dtype("cpu"), torch.get_autocast_dtype("cuda")
    (torch.bfloat16, torch.float16)
    """
    return bfloat16 if device_type == "cpu" else float16


def get_autocast_cpu_dtype() -> Dtype:
    """``get_autocast_dtype("cpu")``."""
    return bfloat16


def get_autocast_gpu_dtype() -> Dtype:
    """``get_autocast_dtype("cuda")``."""
    return float16


class autocast(ContextDecorator):
    """A context manager, and decorator, that changes nothing.

    Args:
        device_type: ``"cpu"``, or ``"cuda"`` and others, of which there are none.
        dtype: the dtype to compute in.
        enabled: whether to.

    Warns:
        UserWarning: enabled for a device that is not there, or for a dtype, such as float32, that mixed
            precision is not for; it is disabled.

    Raises:
        RuntimeError: enabled on the CPU, in bfloat16 (the default there) or float16.

    >>> with autocast("cpu", enabled=False):
    ...     pass
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(
                f"autocast: expected device_type as a str, found {type(device_type).__name__}; use 'cpu'"
            )
        if not is_autocast_available(device_type):
            raise RuntimeError(
                f"autocast: User specified an unsupported autocast device_type {device_type!r}; use 'cpu'"
            )
        self.device = device_type
        if enabled and device_type != "cpu":
            warn(f"autocast: the device {device_type!r} is not available. Disabling autocast.")
        elif enabled and (dtype is None or any(half in str(dtype) for half in ("bfloat16", "float16"))):
            raise RuntimeError(
                f"autocast: expected enabled=False on the CPU, found dtype {dtype or 'bfloat16'}; there is "
                "no mixed precision here, leave it out or give enabled=False"
            )
        elif enabled:
            warn(f"autocast: mixed precision is for bfloat16 and float16, found {dtype}. Disabling autocast.")

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *exception: Any) -> None:
        pass


class GradScaler:
    """Scales a loss so that its float16 gradients do not vanish: disabled here, as PyTorch's is without CUDA.

    ``scale`` returns the loss as it is, ``step`` calls the optimizer, everything else does nothing.

    Args:
        device: ``"cuda"`` warns that it is disabled.
        init_scale: not used.
        growth_factor: not used.
        backoff_factor: not used.
        growth_interval: not used.
        enabled: must be False on the CPU.

    Raises:
        RuntimeError: enabled on the CPU.

    >>> scaler = GradScaler("cpu", enabled=False)
    >>> scaler.scale(3.0), scaler.is_enabled(), scaler.get_scale()
    (3.0, False, 1.0)
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and device == "cpu":
            raise RuntimeError(
                "GradScaler: expected enabled=False on the CPU, found True; gradients are not computed in "
                "float16 here, leave the scaler out or give enabled=False"
            )
        if enabled:
            warn(f"GradScaler is enabled, but {device} is not available. Disabling.")

    def scale(self, outputs: Any) -> Any:
        """The outputs as they are."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Nothing: the gradients are not scaled."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step(*args, **kwargs)``."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Nothing: there is no scale."""

    def get_scale(self) -> float:
        """1."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """An empty dict."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing: there is no state."""


def custom_fwd(fwd=None, *, device_type: str, cast_inputs=None):
    """The ``forward`` of an ``autograd.Function`` itself: a decorator."""
    return (lambda fwd: fwd) if fwd is None else fwd


def custom_bwd(bwd=None, *, device_type: str):
    """The ``backward`` of an ``autograd.Function`` itself: a decorator."""
    return (lambda bwd: bwd) if bwd is None else bwd


__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
