"""Conversion of a module to another dtype: ``to``, ``float``, ``double``, ``half`` and others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnn_physics77.core.backend.conversion import as_dtype
from cnn_physics77.core.backend.device import CPU, check_device, device
from cnn_physics77.core.backend.dtype import torch_dtype
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.core.tensor_types import dtype_of_type

_DEVICES = (str, int, device)


def parse_to(*args, dtype=None, device=None, non_blocking: bool = False, memory_format=None) -> tuple:
    """The arguments of ``Module.to``, in whatever order, as (device, dtype, non_blocking, memory_format).

    Raises:
        DtypeError: an argument is neither a dtype, a device nor a tensor, or there are two of one kind.
        RuntimeError: the device is not the CPU.

    >>> import cnn_physics77 as torch
    >>> parse_to("cpu", torch.float64, True)
    (device(type='cpu'), torch.float64, True, None)
    """
    dtypes, devices = ([] if value is None else [value] for value in (dtype, device))
    for value in args:
        if isinstance(value, Tensor):
            devices.append(CPU)
            dtypes.append(value.dtype)
        elif isinstance(value, bool):
            non_blocking = value
        elif isinstance(value, _DEVICES):
            devices.append(value)
        elif value is not None:
            dtypes.append(value)
    for kind, found in (("dtype", dtypes), ("device", devices)):
        if len(found) > 1:
            raise DtypeError(
                f"Module.to: expected one {kind}, found {found}; a name such as 'cpu' is a device"
            )
    for value in devices:
        check_device("Module.to", value)
    return (
        CPU if devices else None,
        torch_dtype(as_dtype("Module.to", dtypes[0])) if dtypes else None,
        non_blocking,
        memory_format,
    )


class Conversions:
    """The part of :class:`.module.Module` that converts its parameters and buffers."""

    named_parameters: Callable[..., Any]
    named_buffers: Callable[..., Any]

    def _apply(self, function: Callable[[Tensor], Tensor]):
        """Apply ``function`` to the values (and gradients) of all parameters and buffers, in place."""
        for _, tensor in (*self.named_parameters(), *self.named_buffers()):
            tensor.data = function(tensor.data)
            if tensor.grad is not None:
                tensor.grad.data = function(tensor.grad.data)
        return self

    def to(self, *args, dtype=None, device=None, non_blocking: bool = False, memory_format=None):
        """Convert floating parameters and buffers to a dtype, in place; returns the module.

        Args:
            args: a dtype, a device (only the CPU), or a tensor whose dtype is used; in any order.

        Raises:
            DtypeError: the dtype is neither floating nor complex.
            RuntimeError: the device is not the CPU.
        """
        _, dtype, *_ = parse_to(*args, dtype=dtype, device=device)
        if dtype is None:
            return self
        if not (dtype.is_floating_point or dtype.is_complex):
            raise DtypeError(
                "Module.to: nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() or t.is_complex() else t)

    def type(self, dst_type):
        """Convert all parameters and buffers to a dtype, or to a type such as ``torch.DoubleTensor`` or its
        name; returns the module."""
        dtype = dtype_of_type("Module.type", dst_type)
        return self._apply(lambda t: t.to(dtype))

    def float(self):
        """Convert floating parameters and buffers to float32; returns the module."""
        return self._to_floating(np.float32)

    def double(self):
        """Convert floating parameters and buffers to float64; returns the module."""
        return self._to_floating(np.float64)

    def half(self):
        """Convert floating parameters and buffers to float16; returns the module."""
        return self._to_floating(np.float16)

    def _to_floating(self, dtype):
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def share_memory(self):
        """Move all parameters and buffers into memory that forked processes share; returns the module. See
        :meth:`Tensor.share_memory_`."""
        return self._apply(lambda t: t.share_memory_())

    def cpu(self):
        """Returns the module: it is on the CPU."""
        return self

    def cuda(self, device=None):
        """Raises RuntimeError: there is no CUDA device."""
        check_device("Module.cuda", "cuda")
