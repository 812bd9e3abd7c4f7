"""A copy of a tensor with one of its views replaced, and views of any sizes and strides.

``as_strided`` gives the elements of the memory at ``storage_offset + Σ index stride``. Where several indices
lead to one element, its gradient is their sum.
"""

from __future__ import annotations

import operator

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels.runtime.layout import dense
from cnn_physics77.core.operations.base.broadcasting import cast
from cnn_physics77.core.operations.base.dimensions import dimension, sizes_of
from cnn_physics77.core.operations.base.operation import as_tensor_input, operation
from cnn_physics77.core.operations.base.views import _view_scatter, base_of, dim_order, view_operation
from cnn_physics77.core.operations.indexing.getitem import _slice
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor, method

# ------------------------------------------------------------------------------------------ views replaced


def replaced(function: str, input, src, path: tuple) -> Tensor:
    """A copy of the input, with ``src`` in the view that the path of operations and parameters leads to."""
    input, src = as_tensor_input(function, input), as_tensor_input(function, src)
    region = np.broadcast_to(np.zeros((), input.array.dtype), input.array.shape)  # no memory
    for step, parameters in path:
        region = step.forward(region, **parameters)
    if src.array.shape != region.shape:
        raise ShapeError(
            f"{function}: expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(region.shape)}"
        )
    src = src if src.array.dtype == input.array.dtype else cast(src, dtype=input.array.dtype)
    return _view_scatter(input, src, path=path, order=dim_order(input.array))


def _with_slice(function: str, input, src, dim: int, part) -> Tensor:
    input = as_tensor_input(function, input)
    return replaced(function, input, src, ((_slice, {"key": (*(slice(None),) * dim, part, ...)}),))


@method("select_scatter")
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of the input with ``src`` at an index of a dimension: ``y[..., index] = src``.

    Raises:
        ShapeError: there is no such dimension or index, or ``src`` has another shape than the slice.

    >>> import cnn_physics77 as torch
    >>> torch.select_scatter(torch.zeros(2, 3), torch.ones(2), 1, 0)
    tensor([[1., 0., 0.],
            [1., 0., 0.]])
    """
    shape = as_tensor_input("select_scatter", input).array.shape
    if not shape:
        raise ShapeError("select_scatter: cannot be applied to a 0-dim tensor.")
    dim = dimension("select_scatter", dim, len(shape))
    if not -shape[dim] <= index < shape[dim]:
        raise ShapeError(
            f"select_scatter: index {index} out of range for tensor of size {list(shape)} at dimension {dim}"
        )
    return _with_slice("select_scatter", input, src, dim, operator.index(index))


@method("slice_scatter")
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy of the input with ``src`` in a slice of a dimension: ``y[..., start:end:step] = src``.

    Raises:
        ShapeError: there is no such dimension, the step is not positive, or ``src`` has another shape than
            the slice.

    >>> import cnn_physics77 as torch
    >>> torch.slice_scatter(torch.zeros(4), torch.ones(2), start=1, step=2)
    tensor([0., 1., 0., 1.])
    """
    shape = as_tensor_input("slice_scatter", input).array.shape
    if not shape:
        raise ShapeError("slice_scatter: cannot be applied to a 0-dim tensor.")
    if step < 1:
        raise ShapeError(f"slice_scatter: slice step must be positive, found {step}")
    dim = dimension("slice_scatter", dim, len(shape))
    return _with_slice("slice_scatter", input, src, dim, slice(start, end, step))


# ------------------------------------------------------------------------------------------ strided views


@view_operation(name="as_strided")
def _as_strided(x, *, size, stride, offset, order):
    """y_i = the element offset + Σ i stride of x, laid out with its dimensions in this order."""
    flat = x.transpose(order).reshape(-1)
    whole = flat.flags.c_contiguous  # else it is a gradient with gaps, or with one element repeated
    if not whole:
        flat = flat.copy()
    bytes_ = tuple(x.itemsize * s for s in stride)
    y = np.lib.stride_tricks.as_strided(flat[offset:], size, bytes_, subok=True, writeable=x.flags.writeable)
    return y if whole else y.copy()


@_as_strided.derivative("x")
def _(g, x_shape, size, stride, offset, order):
    return _add_strided(g, size=size, stride=stride, offset=offset, order=order, shape=x_shape)


@operation(name="add_strided")
def _add_strided(g, *, size, stride, offset, order, shape):
    """Zeros of the shape, with g added at the elements of the strided view."""
    place = np.full(size, offset)
    for axis, step in enumerate(stride):
        place += step * np.arange(size[axis]).reshape((-1,) + (1,) * (len(size) - axis - 1))
    flat = np.zeros(int(np.prod(shape)), g.dtype, like=g)
    np.add.at(flat, place.reshape(-1), g.reshape(-1))
    return flat.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))


@_add_strided.derivative("g")
def _(v, size, stride, offset, order):
    return _as_strided(v, size=size, stride=stride, offset=offset, order=order)


def _place(function: str, input: Tensor, size, stride, storage_offset) -> tuple[Tensor, dict]:
    """The tensor whose memory the view is in, and the parameters of the view."""
    size, stride = sizes_of(function, (tuple(size),)), sizes_of(function, (tuple(stride),))
    if len(size) != len(stride):
        raise ShapeError(f"{function}: mismatch in length of strides and shape, found {size} and {stride}")
    if min((*size, *stride, 0)) < 0:
        raise ShapeError(f"{function}: expected no negative sizes or strides, found {size} and {stride}")
    base = base_of(input)
    if base.array.dtype != input.array.dtype:
        raise DtypeError(f"{function}: expected a view of one dtype, found one of {base.dtype}; clone it")
    if dense(base.array) is not base.array:
        raise ShapeError(f"{function}: expected dense memory, found strides {base.array.strides}; clone it")
    first = _offset(input, base)
    offset = first if storage_offset is None else operator.index(storage_offset)
    reach = offset + sum(s * (n - 1) for n, s in zip(size, stride)) + 1 if 0 not in size else offset
    if offset < 0 or reach > base.array.size:
        raise ShapeError(
            f"{function}: sizes {list(size)}, strides {list(stride)}, storage offset {offset} are out of "
            f"bounds for a storage of {base.array.size} elements"
        )
    own = dense(input.array) is input.array and first <= offset and reach <= first + input.array.size
    x, offset = (input, offset - first) if own else (base, offset)
    return x, {"size": size, "stride": stride, "offset": offset, "order": dim_order(x.array)}


def _offset(input: Tensor, base: Tensor) -> int:
    """How many elements after the start of the base the memory of the input starts."""
    if input is base or not input.array.size:
        return 0
    start, own = (t.array.__array_interface__["data"][0] for t in (base, input))
    return (own - start) // base.array.itemsize


@method("as_strided")
def as_strided(input: Tensor, size, stride, storage_offset: int | None = None) -> Tensor:
    """A view of the memory of the input with these sizes and strides, counted in elements.

    Args:
        size, stride: as many sizes as strides, none of them negative.
        storage_offset: the first element in the memory of the tensor that the input is a view of; by default
            the input's first one.

    The gradient goes to the input if the view lies in its memory, and to the tensor that it is a view of
    otherwise.

    Raises:
        ShapeError: the view exceeds the memory, the memory has gaps, or the numbers of sizes and strides
            differ.

    >>> import cnn_physics77 as torch
    >>> torch.as_strided(torch.arange(6), (2, 2), (1, 2))
    tensor([[0, 2],
            [1, 3]])
    """
    input = as_tensor_input("as_strided", input)
    x, parameters = _place("as_strided", input, size, stride, storage_offset)
    return _as_strided(x, **parameters)


@method("as_strided_scatter")
def as_strided_scatter(input: Tensor, src: Tensor, size, stride, storage_offset: int | None = None) -> Tensor:
    """A copy of the input with ``src`` in the view of :func:`as_strided`.

    Raises:
        ShapeError: as for :func:`as_strided`; or ``src`` has another shape.

    >>> import cnn_physics77 as torch
    >>> torch.as_strided_scatter(torch.zeros(4), torch.ones(2), (2,), (3,))
    tensor([1., 0., 0., 1.])
    """
    input = as_tensor_input("as_strided_scatter", input)
    x, parameters = _place("as_strided_scatter", input, size, stride, storage_offset)
    if x is not input:
        raise ShapeError("as_strided_scatter: expected a view inside of the input's memory; clone the input")
    return replaced("as_strided_scatter", input, src, ((_as_strided, parameters),))


__all__ = ["as_strided", "as_strided_scatter", "select_scatter", "slice_scatter"]

complete_late(__name__)
