"""Tensors from other objects' memory, of given strides, and with both ends of a range."""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.operations.base.dimensions import sizes_of
from cnn_physics77.core.operations.creation.creation import as_tensor, floating_or, full, made, sizes
from cnn_physics77.core.operations.indexing.cast import as_dtype
from cnn_physics77.core.operations.indexing.memory import Storage
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor, method


def asarray(obj, *, dtype=None, device=None, copy: bool | None = None, requires_grad=None) -> Tensor:
    """An object as a tensor, which shares its memory if possible.

    Args:
        obj: a tensor, an array, what :meth:`storage` returns, an object with a buffer or of the DLPack
            protocol, a number, or a sequence.
        copy: None to share memory if possible; True never to share; False to raise an error where a copy is
            needed.
        requires_grad: whether the result is a variable; by default whether the object requires grad. A tensor
            that does is detached if this is False.

    Raises:
        ValueError: ``copy`` is False, and the memory cannot be shared.
        DtypeError, ShapeError, RangeError: as for :func:`tensor`.

    >>> import cnn_physics77 as torch
    >>> a = np.zeros(2)
    >>> torch.asarray(a).numpy() is a, torch.asarray(a, copy=True).numpy() is a
    (True, False)
    """
    source = obj
    if not isinstance(obj, (Tensor, np.ndarray, np.generic)):
        if hasattr(obj, "__dlpack__"):
            source = np.from_dlpack(obj)
        elif isinstance(obj, (bytes, bytearray, memoryview)):
            source = np.frombuffer(obj, np.float32 if dtype is None else as_dtype("asarray", dtype))
        elif isinstance(obj, Storage):
            source = obj.elements
    y = as_tensor(source, dtype, device)
    shared = isinstance(source, (Tensor, np.ndarray)) and np.may_share_memory(
        y.array, source.array if isinstance(source, Tensor) else source
    )
    if copy is False and not shared:
        raise ArgumentError("asarray: can't alias the object with this dtype; leave out copy=False")
    if copy and shared:
        y = y.clone()
    if requires_grad is None or y.requires_grad == requires_grad:
        return y
    return y.detach().requires_grad_(requires_grad)


class _Exporter:
    """An object with the DLPack protocol that gives a capsule of the CPU's."""

    def __init__(self, capsule) -> None:
        self._capsule = capsule

    def __dlpack__(self, **options):
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


class _Writable:
    """The memory of an array, as memory that may be written."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        interface = array.__array_interface__
        self.__array_interface__ = interface | {"data": (interface["data"][0], False)}


def _of_capsule(capsule) -> np.ndarray:
    """The memory of a capsule. One without a version does not say whether it may be written: NumPy assumes
    that it may not, PyTorch that it may."""
    name = repr(capsule)  # contains that of the capsule
    if '"used_dltensor' in name:
        raise ArgumentError(
            "from_dlpack: expected a capsule that was not taken before, as it can be taken once, found "
            f"{name}; make another one"
        )
    says_so = "versioned" in name
    array = np.from_dlpack(_Exporter(capsule))
    return array if says_so else np.asarray(_Writable(array))


def from_dlpack(ext_tensor, *, device=None, copy: bool | None = None) -> Tensor:
    """A tensor of any library's on the CPU that has the DLPack protocol, or its capsule. It shares the memory
    if possible. A capsule can be taken once.

    Args:
        copy: None to share memory if possible; True never to share; False to raise an error where a copy is
            needed.

    Raises:
        ArgumentError: the capsule was taken before.
        DtypeError: tensors cannot have its dtype, or it is no such object.
        DeviceError: another device.

    >>> import cnn_physics77 as torch
    >>> a = np.zeros(2)
    >>> torch.from_dlpack(a)[0] = 7.0
    >>> a
    array([7., 0.])
    """
    if type(ext_tensor).__name__ == "PyCapsule":
        return asarray(_of_capsule(ext_tensor), device=device, copy=copy)
    if not hasattr(ext_tensor, "__dlpack__"):
        raise DtypeError(
            f"from_dlpack: expected an object with __dlpack__, found {type(ext_tensor).__name__}; use "
            "tensor()"
        )
    return asarray(np.from_dlpack(ext_tensor), device=device, copy=copy)


def frombuffer(buffer, *, dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """The elements in the memory of an object with a buffer, which is shared, as a 1-D tensor.

    Args:
        buffer: bytes, bytearray, array.array, memoryview, ...
        count: how many elements; a negative number for all.
        offset: how many bytes to skip.

    Raises:
        ValueError: the buffer is empty, or does not hold the elements.

    >>> import cnn_physics77 as torch
    >>> torch.frombuffer(bytearray([1, 0, 2, 0]), dtype=torch.int16)
    tensor([1, 2], dtype=torch.int16)
    """
    found = memoryview(buffer)
    kind = as_dtype("frombuffer", dtype)
    if not found.nbytes or count == 0:
        raise ArgumentError(
            f"frombuffer: both buffer length ({found.nbytes}) and count ({count}) must not be 0"
        )
    if not 0 <= offset < found.nbytes:
        raise ArgumentError(
            f"frombuffer: offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({found.nbytes} bytes) minus 1"
        )
    rest = found.nbytes - offset
    if (count < 0 and rest % kind.itemsize) or count * kind.itemsize > rest:
        raise ArgumentError(
            f"frombuffer: expected {'a multiple' if count < 0 else count} of {kind.itemsize} bytes after the "
            f"offset, found {rest}"
        )
    array = np.frombuffer(buffer, kind, max(count, -1), offset)
    return made("frombuffer", array, None, requires_grad)


def empty_strided(size, stride, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """An uninitialized tensor with these sizes and strides, counted in elements.

    Raises:
        ShapeError: the numbers of sizes and strides differ, or one of them is negative.

    >>> import cnn_physics77 as torch
    >>> torch.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    size, stride = sizes_of("empty_strided", (tuple(size),)), sizes_of("empty_strided", (tuple(stride),))
    if len(size) != len(stride) or min((*size, *stride, 0)) < 0:
        raise ShapeError(
            f"empty_strided: expected as many strides as sizes, none negative, found {size} and {stride}"
        )
    dtype = floating_or("empty_strided", dtype)
    reach = 1 + sum(s * (n - 1) for n, s in zip(size, stride)) if 0 not in size else 0
    array = np.lib.stride_tricks.as_strided(
        np.empty(reach, dtype), size, tuple(dtype.itemsize * s for s in stride)
    )
    return made("empty_strided", array, device, requires_grad)


@method("new_empty_strided")
def _new_empty_strided(self, size, stride, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """:func:`empty_strided`, by default of this tensor's dtype."""
    dtype = self.dtype if dtype is None else dtype
    return empty_strided(size, stride, dtype=dtype, device=device, requires_grad=requires_grad)


def empty_permuted(size, physical_layout, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """An uninitialized tensor without gaps, whose dimensions are in a given order in memory.

    Args:
        physical_layout: all dimensions, the one with the largest stride first.

    Raises:
        ShapeError: a size is negative, or the layout is not a permutation of the dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.empty_permuted((2, 3, 4), (2, 0, 1)).stride()
    (3, 1, 6)
    """
    size, order = sizes("empty_permuted", (size,)), sizes_of("empty_permuted", (tuple(physical_layout),))
    if sorted(order) != np.arange(len(size)).tolist():
        raise ShapeError(
            f"empty_permuted: expected a permutation of the {len(size)} dimensions, from 0 on, found {order}"
        )
    array = np.empty([size[d] for d in order], floating_or("empty_permuted", dtype))
    return made("empty_permuted", array.transpose(np.argsort(order)), device, requires_grad)


def scalar_tensor(s, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """A tensor without dimensions, of the default dtype whatever kind of number it is. See :func:`tensor`.

    Raises:
        DtypeError: not a number, or a complex one for a real dtype.
        RangeError: a number outside of the range of the dtype.

    >>> import cnn_physics77 as torch
    >>> torch.scalar_tensor(3)
    tensor(3.)
    """
    s = s.item() if isinstance(s, Tensor) else s
    if not isinstance(s, (bool, int, float, complex, np.generic)):
        raise DtypeError(f"scalar_tensor: expected a number, found {type(s).__name__}; use tensor()")
    return full((), s, dtype=floating_or("scalar_tensor", dtype), device=device, requires_grad=requires_grad)


def range(start=0, end=None, step=1, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    r"""The numbers start, start + step, ... up to end (inclusive): :math:`\lfloor (e - s) / h \rfloor + 1` of
    the default dtype. PyTorch advises against it: :func:`arange` is like Python's.

    Raises:
        ValueError: the step is 0, or has the wrong sign, or the range is infinite.

    >>> import cnn_physics77 as torch
    >>> torch.range(1, 2, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    if end is None:
        raise DtypeError("range: expected an end, found none; call range(start, end)")
    dtype = floating_or("range", dtype)
    if step == 0 or not (math.isfinite(start) and math.isfinite(end)) or (end - start) / step < 0:
        raise ArgumentError(
            f"range: expected a finite range and a step towards its end, found {start}, {end}, {step}"
        )
    numbers = start + step * np.arange(math.floor((end - start) / step) + 1)
    return made("range", numbers.astype(dtype), device, requires_grad)


__all__ = [
    "asarray",
    "empty_permuted",
    "empty_strided",
    "from_dlpack",
    "frombuffer",
    "range",
    "scalar_tensor",
]

complete_late(__name__)
