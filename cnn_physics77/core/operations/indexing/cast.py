"""Conversions of the dtype. The gradient is converted back. Integer and boolean results are constants."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import as_dtype
from cnn_physics77.core.backend.device import check_device, device
from cnn_physics77.core.backend.dtypes import bfloat16
from cnn_physics77.core.operations.base.broadcasting import cast
from cnn_physics77.core.operations.indexing.clone import clone, preserve_format
from cnn_physics77.core.tensor import Tensor, from_array, method
from cnn_physics77.core.tensor_types import dtype_of_type, type_name


def convert(input: Tensor, dtype: np.dtype) -> Tensor:
    """The tensor itself if it has the dtype, else a tensor of that dtype with the same values."""
    if input.array.dtype == dtype:
        return input
    if dtype.kind not in "fc" and input.edge is not None:
        input = from_array(input.array)
    return cast(input, dtype=dtype)


@method("to")
def _to(
    self: Tensor,
    *args,
    device=None,
    dtype=None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format=preserve_format,
) -> Tensor:
    """The tensor in another dtype: ``to(dtype)``, ``to(device, dtype)``, ``to(other)`` for the dtype of
    another tensor.

    Args:
        device: ``"cpu"``; there is no other.
        dtype: element type of the result.
        copy: whether to copy even if nothing changes. Otherwise the tensor itself is returned then.
        non_blocking: accepted, without effect.
        memory_format: the order of the elements in memory; by default that of this tensor.

    Complex to real takes the real part. The gradient is converted back to the dtype of this tensor.

    Raises:
        DtypeError: an argument is not a dtype, a device or a tensor.
        RuntimeError: the device is not the CPU.

    >>> import cnn_physics77 as torch
    >>> torch.tensor([1, 2]).to(torch.float64)
    tensor([1., 2.], dtype=torch.float64)
    """
    rest = list(args)
    if rest and isinstance(rest[0], Tensor):
        dtype = rest.pop(0).array.dtype
    elif (
        rest
        and (rest[0] is None or isinstance(rest[0], (str, _Device, int)))
        and not isinstance(rest[0], bool)
    ):
        device = rest.pop(0)
        if rest and not isinstance(rest[0], bool):
            dtype = rest.pop(0)
    elif rest:
        dtype = rest.pop(0)
    if rest:
        rest.pop(0)  # non_blocking
    if rest:
        copy = rest.pop(0)
    check_device("to", device)
    wanted = self.array.dtype if dtype is None else as_dtype("to", dtype)
    converted = convert(self, wanted)
    if copy and converted is self:
        return clone(self, memory_format=memory_format or preserve_format)
    return _in_format(converted, memory_format)


def _in_format(input: Tensor, order) -> Tensor:
    return input if order is None or order is preserve_format else input.contiguous(order)


_Device = device


@method("cpu")
def _cpu(self: Tensor) -> Tensor:
    """The tensor itself: there is no other device."""
    return self


def _conversion(name: str, dtype: np.dtype) -> None:
    def function(self, memory_format=preserve_format):
        return _in_format(convert(self, dtype), memory_format)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The tensor as {dtype}: ``to(torch.{dtype})``."
    method(name)(function)


@method("bfloat16")
def _bfloat16(self, memory_format=preserve_format) -> Tensor:
    """Raises DtypeError: NumPy lacks this dtype."""
    return self.to(bfloat16)


for _name, _dtype in (
    ("half", "float16"), ("float", "float32"), ("double", "float64"), ("cfloat", "complex64"),
    ("cdouble", "complex128"), ("byte", "uint8"), ("char", "int8"), ("short", "int16"), ("int", "int32"),
    ("long", "int64"), ("bool", "bool"),
):  # fmt: skip
    _conversion(_name, np.dtype(_dtype))


@method("type")
def _type(self: Tensor, dtype=None) -> Tensor | str:
    """The tensor as ``dtype``: a dtype, a class such as ``torch.LongTensor``, or its name. Without one, the
    name of its type.

    >>> import cnn_physics77 as torch
    >>> torch.tensor([1.0]).type(), torch.tensor([1.7]).type(torch.int64)
    ('torch.FloatTensor', tensor([1]))
    """
    if dtype is None:
        return type_name(self.array.dtype)
    return convert(self, dtype_of_type("type", dtype))


@method("type_as")
def _type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype of another: ``to(other.dtype)``."""
    return convert(self, other.array.dtype)


__all__: list[str] = []
