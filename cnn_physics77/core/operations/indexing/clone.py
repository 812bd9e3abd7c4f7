"""Copies, and memory formats. The logical shape, (N, C, H, W) for images, is the same in all of them."""

from __future__ import annotations

from enum import Enum
from weakref import WeakValueDictionary

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels.runtime.layout import copied
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.tensor import Tensor, method


class memory_format(Enum):
    """The order of the elements in memory.

    Attributes:
        preserve_format: that of the input, if it is dense; the default of :func:`clone`.
        contiguous_format: row-major: the last index varies fastest.
        channels_last: (N, C, H, W) is stored as N, H, W, C.
        channels_last_3d: (N, C, D, H, W) is stored as N, D, H, W, C.
    """

    preserve_format = "preserve"
    contiguous_format = "contiguous"
    channels_last = "channels_last"
    channels_last_3d = "channels_last_3d"

    def __repr__(self) -> str:
        return f"torch.{self.name}"


preserve_format = memory_format.preserve_format
contiguous_format = memory_format.contiguous_format
channels_last = memory_format.channels_last
channels_last_3d = memory_format.channels_last_3d

_DIMENSIONS = {channels_last: 4, channels_last_3d: 5}


def laid_out(function: str, x: np.ndarray, order: memory_format) -> np.ndarray:
    """A copy of x in the given memory format.

    Raises:
        ShapeError: the format needs another number of dimensions.
        DtypeError: not a memory format.
    """
    if order is preserve_format:
        return copied(x)
    if order is contiguous_format:
        return x.copy(order="C")
    if not isinstance(order, memory_format):
        raise DtypeError(f"{function}: expected a memory format such as torch.channels_last, found {order!r}")
    if x.ndim != _DIMENSIONS[order]:
        raise ShapeError(
            f"{function}: required rank {_DIMENSIONS[order]} tensor to use {order.name} format, found shape "
            f"{x.shape}"
        )
    y = np.moveaxis(np.empty((x.shape[0], *x.shape[2:], x.shape[1]), x.dtype, like=x), -1, 1)
    y[...] = x
    return y


def _has_format(x: np.ndarray, order: memory_format) -> bool:
    if order is contiguous_format or order is preserve_format:
        return x.flags.c_contiguous
    return x.ndim == _DIMENSIONS[order] and np.moveaxis(x, 1, -1).flags.c_contiguous


@operation
def _clone(x, *, order):
    """y = x, in new memory."""
    return laid_out("clone", x, order)


@_clone.derivative("x")
def _(g):
    return g


_asked_for: WeakValueDictionary[int, Tensor] = WeakValueDictionary()


def asked_for(made: Tensor, order: memory_format) -> Tensor:
    """The new tensor; it is noted if its channels were asked to be last. PyTorch fills its memory with random
    numbers in that order, unlike memory whose order a kernel here chose."""
    if order in (channels_last, channels_last_3d):
        _asked_for[id(made)] = made
    return made


def is_asked_for(x: Tensor) -> bool:
    """Whether this tensor's channels were asked to be last."""
    return _asked_for.get(id(x)) is x


@method("clone")
def clone(input: Tensor, *, memory_format: memory_format = preserve_format) -> Tensor:
    """A copy in new memory: y = x, dy/dx = 1.

    Args:
        memory_format: the order of its elements in memory.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> y = torch.clone(x)
    >>> y[0] = 7.0
    >>> x
    tensor([1., 2.])
    """
    return asked_for(_clone(input, order=memory_format), memory_format)


@method("contiguous")
def _contiguous(self, memory_format: memory_format = contiguous_format) -> Tensor:
    """This tensor itself if it has the memory format (by default row-major), else a copy that has it.

    >>> import cnn_physics77 as torch
    >>> torch.zeros(2, 3).T.is_contiguous(), torch.zeros(2, 3).T.contiguous().is_contiguous()
    (False, True)
    """
    if self.is_contiguous(memory_format=memory_format):
        return self
    return asked_for(_clone(self, order=memory_format), memory_format)


@method("is_contiguous")
def _is_contiguous(self, memory_format: memory_format = contiguous_format) -> bool:
    """Whether the tensor has the memory format (by default row-major)."""
    return _has_format(self.array, memory_format)


__all__ = [
    "channels_last",
    "channels_last_3d",
    "clone",
    "contiguous_format",
    "memory_format",
    "preserve_format",
]
