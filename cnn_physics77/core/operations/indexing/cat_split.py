"""Joining and splitting tensors. cat and split are each other's derivatives, and so are stack and unbind."""

from __future__ import annotations

import operator
from itertools import pairwise

import numpy as np

from cnn_physics77.core.backend.conversion import promoted
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import cast, expand_to
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.views import remember_several
from cnn_physics77.core.operations.indexing.getitem import slice_along
from cnn_physics77.core.operations.indexing.permute import transpose
from cnn_physics77.core.operations.indexing.shape import atleast_1d, atleast_2d, atleast_3d, reshape
from cnn_physics77.core.tensor import Tensor, method

# --------------------------------------------------------------------------------------------- joining


@operation
def _cat(*xs, dim):
    """The tensors joined along a dimension."""
    return np.concatenate(xs, axis=dim)


@_cat.joint_derivative
def _(g, needed, xs_shape, dim):
    gradients = []
    start = 0
    for shape, need in zip(xs_shape, needed):
        end = start + shape[dim]
        gradients.append(slice_along(g, dim, slice(start, end)) if need else None)
        start = end
    return gradients


@operation
def _stack(*xs, dim):
    """The tensors joined along a new dimension."""
    return np.stack(xs, axis=dim)


@_stack.joint_derivative
def _(g, needed, dim):
    return [slice_along(g, dim, i) if need else None for i, need in enumerate(needed)]


def _of_one_dtype(function: str, tensors) -> list[Tensor]:
    if not isinstance(tensors, (tuple, list)) or not all(isinstance(t, Tensor) for t in tensors):
        found = (
            type(tensors).__name__
            if not isinstance(tensors, (tuple, list))
            else [type(t).__name__ for t in tensors]
        )
        raise DtypeError(f"{function}: expected a tuple or list of tensors, found {found}")
    if not tensors:
        raise ShapeError(f"{function}: expected a non-empty list of Tensors, found none")
    dtype = tensors[0].array.dtype
    if all(t.array.dtype is dtype for t in tensors):
        return list(tensors)
    for t in tensors[1:]:
        dtype = promoted(dtype, t.array.dtype)
    return [t if t.array.dtype == dtype else cast(t, dtype=dtype) for t in tensors]


def cat(tensors, dim: int = 0) -> Tensor:
    """The tensors joined along an existing dimension.

    Args:
        tensors: a tuple or list of tensors, whose sizes may differ only in ``dim``; dtypes are promoted.
            Empty tensors of shape (0,) are ignored, whatever the shape of the others.
        dim: the dimension along which they are joined.

    Raises:
        ShapeError: no tensors, sizes that differ in another dimension, or no such dimension.
        DtypeError: not a sequence of tensors.

    >>> import cnn_physics77 as torch
    >>> torch.cat((torch.tensor([[1, 2]]), torch.tensor([[3, 4]])), dim=1)
    tensor([[1, 2, 3, 4]])
    """
    return _joined("cat", tensors, dim)


def _joined(function: str, tensors, dim: int) -> Tensor:
    tensors = _of_one_dtype(function, tensors)
    shapes = [t.array.shape for t in tensors]
    if () in shapes:
        raise ShapeError(
            f"{function}: zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated; "
            "use stack"
        )
    if (0,) in shapes and any(len(s) != 1 for s in shapes):
        tensors = [t for t in tensors if t.array.shape != (0,)]
        shapes = [t.array.shape for t in tensors]
    ndim = len(shapes[0])
    dim = dimension(function, dim, ndim)
    for shape in shapes[1:]:
        if len(shape) != ndim or shape[:dim] != shapes[0][:dim] or shape[dim + 1 :] != shapes[0][dim + 1 :]:
            raise ShapeError(
                f"{function}: Sizes of tensors must match except in dimension {dim}, found {shapes[0]} and "
                f"{shape}"
            )
    return _cat(*tensors, dim=dim)


def concat(tensors, dim: int = 0) -> Tensor:
    """Alias of :func:`cat`.

    >>> import cnn_physics77 as torch
    >>> torch.concat((torch.tensor([1, 2]), torch.tensor([3])))
    tensor([1, 2, 3])
    """
    return _joined("concat", tensors, dim)


def concatenate(tensors, axis: int = 0, *, dim: int | None = None) -> Tensor:
    """Alias of :func:`cat`.

    >>> import cnn_physics77 as torch
    >>> torch.concatenate((torch.tensor([1, 2]), torch.tensor([3])))
    tensor([1, 2, 3])
    """
    return _joined("concatenate", tensors, axis if dim is None else dim)


def stack(tensors, dim: int = 0) -> Tensor:
    """Tensors of one shape joined along a new dimension, which becomes dimension ``dim`` of the result.

    Raises:
        ShapeError: no tensors, unequal shapes, or no such dimension.
        DtypeError: not a sequence of tensors.

    >>> import cnn_physics77 as torch
    >>> torch.stack((torch.tensor([1, 2]), torch.tensor([3, 4])), dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    tensors = _of_one_dtype("stack", tensors)
    first = tensors[0].array.shape
    dim = dimension("stack", dim, len(first) + 1)
    for i, t in enumerate(tensors):
        if t.array.shape != first:
            raise ShapeError(
                f"stack: stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
                f"{list(t.shape)} at entry {i}; use cat to join along an existing dimension"
            )
    return _stack(*tensors, dim=dim)


def hstack(tensors) -> Tensor:
    """The tensors joined horizontally: along dimension 1, or along dimension 0 if they are 0-d or 1-d.

    >>> import cnn_physics77 as torch
    >>> torch.hstack((torch.tensor([1, 2]), torch.tensor([3])))
    tensor([1, 2, 3])
    """
    tensors = [atleast_1d(t) for t in _of_one_dtype("hstack", tensors)]
    return _joined("hstack", tensors, 0 if tensors[0].array.ndim == 1 else 1)


def vstack(tensors) -> Tensor:
    """The tensors joined vertically, along dimension 0; 0-d and 1-d tensors are rows.

    >>> import cnn_physics77 as torch
    >>> torch.vstack((torch.tensor([1, 2]), torch.tensor([3, 4])))
    tensor([[1, 2],
            [3, 4]])
    """
    return _joined("vstack", [atleast_2d(t) for t in _of_one_dtype("vstack", tensors)], 0)


row_stack = vstack


def dstack(tensors) -> Tensor:
    """The tensors joined in depth, along dimension 2, after :func:`atleast_3d`.

    >>> import cnn_physics77 as torch
    >>> torch.dstack((torch.tensor([1, 2]), torch.tensor([3, 4])))
    tensor([[[1, 3],
             [2, 4]]])
    """
    return _joined("dstack", [atleast_3d(t) for t in _of_one_dtype("dstack", tensors)], 2)


def column_stack(tensors) -> Tensor:
    """The tensors joined along dimension 1; 0-d and 1-d tensors are columns.

    >>> import cnn_physics77 as torch
    >>> torch.column_stack((torch.tensor([1, 2]), torch.tensor([3, 4])))
    tensor([[1, 3],
            [2, 4]])
    """
    tensors = [
        reshape(t, (-1, 1) if t.numel() else (0, 1)) if t.array.ndim < 2 else t
        for t in _of_one_dtype("column_stack", tensors)
    ]
    return _joined("column_stack", tensors, 1)


def meshgrid(*tensors: Tensor, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of the points of a grid, as views of one shape.

    Args:
        tensors: the coordinates along each axis, 0-d or 1-d.
        indexing: with ``"ij"`` (or None) dimension i of the results belongs to tensor i; with ``"xy"`` the
            first two dimensions are swapped.

    Raises:
        ShapeError: no tensors, or one of more than one dimension.
        ArgumentError: another ``indexing``.

    >>> import cnn_physics77 as torch
    >>> torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4, 5]), indexing="ij")
    (tensor([[1, 1, 1],
            [2, 2, 2]]), tensor([[3, 4, 5],
            [3, 4, 5]]))
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if not tensors:
        raise ShapeError("meshgrid: expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise ArgumentError(f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing!r}')
    for t in tensors:
        if t.array.ndim > 1:
            raise ShapeError(
                f"meshgrid: Expected 0D or 1D tensor in the tensor list but got: {t.array.shape}"
            )
    exchanged = indexing == "xy" and len(tensors) > 1
    if exchanged:
        tensors = (tensors[1], tensors[0], *tensors[2:])
    shape = tuple(t.array.size for t in tensors)
    ones = (1,) * len(shape)
    grids = [
        expand_to(reshape(t, (*ones[:i], n, *ones[i + 1 :])), shape)
        for i, (t, n) in enumerate(zip(tensors, shape))
    ]
    if exchanged:
        grids[0], grids[1] = grids[1], grids[0]
        if indexing == "ij":
            grids = [transpose(grid, 0, 1) for grid in grids]
    return tuple(grids)


# --------------------------------------------------------------------------------------------- taking apart


@operation
def _split(x, *, bounds, dim):
    """The parts of x between successive bounds, as views."""
    before = (slice(None),) * dim
    return [x[(*before, slice(a, b))] for a, b in pairwise(bounds)]


@_split.joint_derivative
def _(g, needed, dim):
    return [_cat(*g, dim=dim)]


@operation
def _unbind(x, *, dim):
    """The slices of x along a dimension, which is removed, as views."""
    before = (slice(None),) * dim
    return [x[(*before, i, ...)] for i in range(x.shape[dim])]


@_unbind.joint_derivative
def _(g, needed, dim):
    return [_stack(*g, dim=dim)]


def _parts(x: Tensor, bounds: list[int], dim: int) -> tuple[Tensor, ...]:
    parts = _split(x, bounds=tuple(bounds), dim=dim)
    remember_several(parts, x)
    return parts


def _divisible(function: str, x: Tensor, dim: int) -> int:
    if x.array.ndim == 0:
        raise ShapeError(f"{function}: expects at least a 1-dimensional tensor, found a 0-d one")
    return dimension(function, dim, x.array.ndim)


def split(tensor: Tensor, split_size_or_sections, dim: int = 0) -> tuple[Tensor, ...]:
    """The tensor split along a dimension, as views.

    Args:
        split_size_or_sections: the size of every part (the last may be smaller), or a list of sizes.

    Raises:
        ShapeError: the sizes do not sum to the size of the dimension, or there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.split(torch.arange(5), 2), torch.split(torch.arange(5), [1, 4])
    ((tensor([0, 1]), tensor([2, 3]), tensor([4])), (tensor([0]), tensor([1, 2, 3, 4])))
    """
    if isinstance(split_size_or_sections, (tuple, list)):
        return _split_by_sizes("split", tensor, split_size_or_sections, dim)
    dim = _divisible("split", tensor, dim)
    n, size = tensor.array.shape[dim], operator.index(split_size_or_sections)
    if size < 0 or (size == 0 and n != 0):
        raise ShapeError(
            f"split: expects split_size be non-negative (and 0 only for a dimension of size 0), found {size} "
            f"for size {n}"
        )
    return _parts(tensor, [*range(0, n, size), n] if n else [0, 0], dim)


@method("split")
def _split_method(self, split_size, dim: int = 0) -> tuple[Tensor, ...]:
    """See :func:`split`."""
    return split(self, split_size, dim)


def split_with_sizes(input: Tensor, split_sizes, dim: int = 0) -> tuple[Tensor, ...]:
    """See :func:`split` with a list of sizes.

    >>> import cnn_physics77 as torch
    >>> torch.split_with_sizes(torch.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return _split_by_sizes("split_with_sizes", input, split_sizes, dim)


def _split_by_sizes(function: str, x: Tensor, sizes, dim: int) -> tuple[Tensor, ...]:
    dim = _divisible(function, x, dim)
    n = x.array.shape[dim]
    if any(size < 0 for size in sizes) or sum(sizes) != n:
        raise ShapeError(
            f"{function}: expects split_sizes to sum exactly to {n} (input tensor's size at dimension "
            f"{dim}), found {list(sizes)}"
        )
    bounds = [0]
    for size in sizes:
        bounds.append(bounds[-1] + size)
    return _parts(x, bounds, dim)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """The tensor split into at most ``chunks`` parts of equal size (the last may be smaller), as views.

    Raises:
        ShapeError: ``chunks`` is not positive, or no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.chunk(torch.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    dim = _divisible("chunk", input, dim)
    if chunks <= 0:
        raise ShapeError(f"chunk: expects `chunks` to be greater than 0, found {chunks}")
    n = input.array.shape[dim]
    if n == 0:
        return _parts(input, [0] * (chunks + 1), dim)
    return _parts(input, [*range(0, n, -(-n // chunks)), n], dim)


def tensor_split(input: Tensor, indices_or_sections, dim: int = 0) -> tuple[Tensor, ...]:
    """The tensor split along a dimension, as views.

    Args:
        indices_or_sections: the number of parts (if it does not divide the size, the first parts are larger
            by 1), or the indices before which to split, as in ``numpy.array_split``. Integers, or a tensor of
            integers.

    Raises:
        ShapeError: the number of parts is not positive, or there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.tensor_split(torch.arange(5), 3), torch.tensor_split(torch.arange(5), (1, 3))
    ((tensor([0, 1]), tensor([2, 3]), tensor([4])), (tensor([0]), tensor([1, 2]), tensor([3, 4])))
    """
    return _array_split("tensor_split", input, indices_or_sections, dim)


def _array_split(function: str, x: Tensor, indices_or_sections, dim: int) -> tuple[Tensor, ...]:
    dim = _divisible(function, x, dim)
    n = x.array.shape[dim]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, (tuple, list)):
        cuts = [slice(None, i).indices(n)[1] for i in indices_or_sections]
        # as in slicing, an index below its predecessor gives an empty part
        pieces = [(a, max(a, b)) for a, b in zip([0, *cuts], [*cuts, n])]
    elif indices_or_sections <= 0:
        raise ShapeError(f"{function}: number of sections must be larger than 0, found {indices_or_sections}")
    else:
        size, larger = divmod(n, indices_or_sections)
        pieces = list(pairwise(i * size + min(i, larger) for i in range(indices_or_sections + 1)))
    return tuple(slice_along(x, dim, slice(a, b)) for a, b in pieces)


def hsplit(input: Tensor, indices_or_sections) -> tuple[Tensor, ...]:
    """The tensor split horizontally: :func:`tensor_split` along dimension 1, or 0 if it is 1-d. A number of
    parts must divide the size.

    >>> import cnn_physics77 as torch
    >>> torch.hsplit(torch.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    return _even_split("hsplit", input, indices_or_sections, 0 if input.array.ndim == 1 else 1, 1)


def vsplit(input: Tensor, indices_or_sections) -> tuple[Tensor, ...]:
    """The tensor split vertically: :func:`tensor_split` along dimension 0. A number of parts must divide the
    size.

    >>> import cnn_physics77 as torch
    >>> torch.vsplit(torch.tensor([[1], [2]]), 2)
    (tensor([[1]]), tensor([[2]]))
    """
    return _even_split("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Tensor, indices_or_sections) -> tuple[Tensor, ...]:
    """The tensor split in depth: :func:`tensor_split` along dimension 2. A number of parts must divide the
    size.

    >>> import cnn_physics77 as torch
    >>> torch.dsplit(torch.tensor([[[1, 2]]]), 2)
    (tensor([[[1]]]), tensor([[[2]]]))
    """
    return _even_split("dsplit", input, indices_or_sections, 2, 3)


def _even_split(function: str, x: Tensor, indices_or_sections, dim: int, least: int) -> tuple[Tensor, ...]:
    if x.array.ndim < least:
        raise ShapeError(
            f"{function}: requires a tensor with at least {least} dimension, but got a tensor with "
            f"{x.array.ndim} dimensions!"
        )
    n = x.array.shape[dim]
    if not isinstance(indices_or_sections, (tuple, list)) and (
        indices_or_sections == 0 or n % indices_or_sections
    ):
        raise ShapeError(
            f"{function}: attempted to split along dimension {dim}, but the size of the dimension {n} is not "
            f"divisible by the split_size {indices_or_sections}!"
        )
    return _array_split(function, x, indices_or_sections, dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along a dimension, which is removed, as views.

    Raises:
        ShapeError: a 0-d tensor, or no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.unbind(torch.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    dim = _divisible("unbind", input, dim)
    slices = _unbind(input, dim=dim)
    remember_several(slices, input)
    return slices


for _function in (split_with_sizes, chunk, tensor_split, hsplit, vsplit, dsplit, unbind):
    method(_function.__name__)(_function)


__all__ = [
    "cat",
    "chunk",
    "column_stack",
    "concat",
    "concatenate",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "meshgrid",
    "row_stack",
    "split",
    "split_with_sizes",
    "stack",
    "tensor_split",
    "unbind",
    "vsplit",
    "vstack",
]
