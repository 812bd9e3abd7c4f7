"""New values and new sizes altogether: one number everywhere, and other sizes for the same memory."""

from __future__ import annotations

from math import prod

import numpy as np

from cnn_physics77.core.errors import ArgumentError, GradientError, ShapeError
from cnn_physics77.core.kernels.runtime.layout import dense
from cnn_physics77.core.operations.base.dimensions import sizes_of, variadic
from cnn_physics77.core.operations.base.views import dim_order
from cnn_physics77.core.operations.indexing.clone import (
    contiguous_format,
    laid_out,
    memory_format,
    preserve_format,
)
from cnn_physics77.core.operations.indexing.index_put import scalar_like
from cnn_physics77.core.operations.indexing.masking import masked_fill
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor, from_array, method


def fill(input: Tensor, value) -> Tensor:
    """A tensor of the input's shape and dtype, with one value everywhere.

    Args:
        value: a number, or a 0-d tensor, whose gradient is the sum. The gradient of the input is 0.

    Raises:
        ShapeError: a value with dimensions.
        DtypeError: a complex value for a real tensor.
        RangeError: a number outside of the range of the dtype.

    >>> import cnn_physics77 as torch
    >>> torch.fill(torch.zeros(2), 3)
    tensor([3., 3.])
    """
    return masked_fill(input, from_array(np.ones((), np.bool_)), scalar_like("fill", input, value))


def zero_(input: Tensor) -> Tensor:
    """Set every element to 0, in place.

    >>> import cnn_physics77 as torch
    >>> torch.zero_(torch.ones(2))
    tensor([0., 0.])
    """
    return input.zero_()


@method("resize_")
@variadic
def _resize_(self, size, memory_format: memory_format = contiguous_format) -> Tensor:
    """Give this tensor another size, in place, with the elements in the order in which they are in memory.

    Fewer elements remain in the same memory, so an array of NumPy is still shared; more are copied to new
    memory, where the values of those that are added have no meaning. :func:`reshape` keeps the elements.

    Args:
        size: the new size, as integers or one tuple.
        memory_format: the order of the new dimensions in memory.

    Raises:
        ShapeError: a size is negative, or the tensor is a view, has views, or has gaps in its memory.
        ArgumentError: the format is ``torch.preserve_format``.
        GradientError: the tensor requires grad.

    >>> import cnn_physics77 as torch
    >>> torch.arange(6).resize_(2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    size = sizes_of("resize_", (tuple(size),))
    if self.edge is not None:
        raise GradientError("resize_: cannot resize variables that require grad; use reshape or detach()")
    if min((*size, 0)) < 0:
        raise ShapeError(f"resize_: expected sizes that are not negative, found {size}")
    if memory_format is preserve_format:
        raise ArgumentError("resize_: unsupported memory format preserve_format; use contiguous_format")
    if size == self.array.shape and memory_format is contiguous_format:
        return self
    if self._view_of is not None or any(view() is not None for view in self._views or ()):
        raise ShapeError(
            "resize_: expected a tensor with memory of its own, found a view or its base; clone it"
        )
    if dense(self.array) is not self.array:
        raise ShapeError(f"resize_: expected dense memory, found strides {self.stride()}; clone it")
    old = self.array.transpose(dim_order(self.array)).reshape(-1)
    new = old[: prod(size)]
    if prod(size) > old.size:
        new = np.empty(prod(size), old.dtype)
        new[: old.size] = old
    if memory_format is contiguous_format:
        self.array = new.reshape(size)
    else:
        strides = laid_out("resize_", np.empty(size, old.dtype), memory_format).strides
        self.array = np.lib.stride_tricks.as_strided(new, size, strides, subok=True)
    self.mark_changed()
    return self


@method("resize_as_")
def resize_as_(
    input: Tensor, the_template: Tensor, *, memory_format: memory_format = contiguous_format
) -> Tensor:
    """Give a tensor the size of another one, in place: ``input.resize_(the_template.size())``.

    >>> import cnn_physics77 as torch
    >>> torch.resize_as_(torch.arange(6), torch.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return _resize_(input, the_template.array.shape, memory_format=memory_format)


__all__ = ["fill", "resize_as_", "zero_"]

complete_late(__name__)
