"""Changes of shape: reshape, view, flatten, squeeze, expand. They return views wherever PyTorch does.

Functions that only regroup the sizes share one operation, *reshape*, whose derivative is the reverse reshape.
*expand* and its adjoint, a sum, are in :mod:`.base.broadcasting`.
"""

from __future__ import annotations

from math import prod
from threading import Lock

import numpy as np

from cnn_physics77.core.autograd import Node, node_of
from cnn_physics77.core.autograd.ownership import is_unshared
from cnn_physics77.core.backend.conversion import as_dtype
from cnn_physics77.core.backend.dtype import dtype as Dtype
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.runtime.layout import contiguous, flat
from cnn_physics77.core.operations.base.broadcasting import _expand, common_shape, expand_to
from cnn_physics77.core.operations.base.dimensions import dimension, dimensions, sizes_of, variadic
from cnn_physics77.core.operations.base.names import named
from cnn_physics77.core.operations.base.views import view_operation
from cnn_physics77.core.tensor import Tensor, method


@view_operation
def _reshape(x, *, shape):
    """The elements in row-major order, in another shape."""
    if x.flags.c_contiguous:
        return x.reshape(shape)
    try:
        return x.reshape(shape, copy=False)
    except ValueError:
        copied = np.empty(shape, x.dtype, like=x)
        copied.reshape(x.shape)[...] = x
        return copied


@_reshape.derivative("x")
def _(g, x_shape):
    return _reshape(g, shape=x_shape)


# ----------------------------------------------------------------------------------------- reading arguments


def _fill_in(function: str, shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """The shape, with -1 replaced so that the sizes multiply to ``size``."""
    unknown = shape.count(-1)
    if unknown > 1:
        raise ShapeError(f"{function}: only one dimension can be inferred, found {list(shape)}")
    if any(n < -1 for n in shape):
        raise ShapeError(
            f"{function}: invalid shape dimension in {list(shape)}; sizes are non-negative, or -1 once"
        )
    known = prod(n for n in shape if n != -1)
    if unknown:
        if known == 0:
            if size == 0:
                raise ShapeError(
                    f"{function}: cannot reshape tensor of 0 elements into shape {list(shape)} because the "
                    "unspecified dimension size -1 can be any value and is ambiguous; name all sizes"
                )
        elif size % known == 0:
            return tuple(size // known if n == -1 else n for n in shape)
    elif known == size:
        return shape
    raise ShapeError(
        f"{function}: shape '{list(shape)}' is invalid for input of size {size}; the sizes must multiply to "
        f"{size}"
    )


# --------------------------------------------------------------------------------------------- regrouping


def reshape(input: Tensor, shape) -> Tensor:
    """The same elements in row-major order, in another shape: a view if the strides allow it, else a copy.

    Args:
        shape: the sizes; one of them may be -1 and is inferred.

    Raises:
        ShapeError: the product of the sizes is not the number of elements, or -1 is ambiguous.

    >>> import cnn_physics77 as torch
    >>> torch.reshape(torch.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return _reshape(input, shape=_fill_in("reshape", sizes_of("reshape", (shape,)), input.array.size))


method("reshape")(variadic(reshape))


_moving = Lock()


@method("view")
@variadic
def _view(self, size=(), *, dtype=None) -> Tensor:
    """The same memory in another shape, or, given a dtype, its bytes read as that dtype (a constant).

    Some operations, such as convolutions, return a tensor whose memory is not row-major. If nothing else
    refers to that memory, it is first made row-major.

    Raises:
        ShapeError: the product of the sizes is not the number of elements, or the strides do not allow a
            view.

    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(2, 3)
    >>> x.view(-1)[0] = 7.0
    >>> x
    tensor([[7., 0., 0.],
            [0., 0., 0.]])
    """
    if dtype is None and len(size) == 1 and isinstance(size[0], (Dtype, np.dtype, type)):
        (dtype,) = size
    if dtype is not None:
        try:
            return self.view_of_memory(self.array.view(as_dtype("view", dtype)))
        except ValueError as error:
            raise ShapeError(
                f"view: expected memory that can be read as torch.{np.dtype(dtype)}, found otherwise "
                f"({error})"
            ) from None
    sizes = _fill_in("view", sizes_of("view", (size,)), self.array.size)
    if not self.array.flags.c_contiguous:
        with _moving:  # a view() of the same tensor in another thread would count as a reference
            if not self.array.flags.c_contiguous and _can_make_row_major(self):
                self.array = contiguous(self.array)
        try:
            self.array.reshape(sizes, copy=False)
        except ValueError:
            raise ShapeError(
                "view: view size is not compatible with input tensor's size and stride (at least one "
                f"dimension spans across two contiguous subspaces): found shape {self.array.shape}, strides "
                f"{self.stride()}, for {sizes}; use .reshape(...)"
            ) from None
    return _reshape(self, shape=sizes)


def _can_make_row_major(tensor: Tensor) -> bool:
    """Whether the memory is not row-major, and nothing but the tensor refers to it.

    The tensor's own node, which may save the values for the derivative, does not count.
    """
    has_gaps = isinstance(tensor.array, np.ndarray) and flat(tensor.array) is None
    if tensor._view_of is not None or has_gaps:
        return False
    node = node_of(tensor.edge)
    saved = node.saved if type(node) is Node and node.saved else ()
    aliases = sum(isinstance(value, Tensor) and value.array is tensor.array for value in saved)
    return is_unshared(tensor, aliases)


@method("view_as")
def _view_as(self, other) -> Tensor:
    """See ``view``; the shape is that of ``other``."""
    return _view(self, other.shape)


@method("reshape_as")
def _reshape_as(self, other) -> Tensor:
    """See :func:`reshape`; the shape is that of ``other``."""
    return reshape(self, other.shape)


@method("flatten")
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The tensor with the dimensions from ``start_dim`` to ``end_dim`` (inclusive) merged into one.

    A 0-d tensor becomes a 1-d tensor of one element.

    Raises:
        ShapeError: no such dimensions, or ``start_dim`` after ``end_dim``.

    >>> import cnn_physics77 as torch
    >>> torch.flatten(torch.zeros(2, 3, 4), start_dim=1).shape
    torch.Size([2, 12])
    """
    shape = input.array.shape
    first, last = dimension("flatten", start_dim, len(shape)), dimension("flatten", end_dim, len(shape))
    if first > last:
        raise ShapeError(
            f"flatten: start_dim cannot come after end_dim, found {start_dim} and {end_dim} for shape {shape}"
        )
    if not shape:
        return _reshape(input, shape=(1,))
    if first == last:
        return input
    return _reshape(input, shape=(*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :]))


@method("ravel")
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension: a view if the strides allow it.

    >>> import cnn_physics77 as torch
    >>> torch.ravel(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    return _reshape(input, shape=(input.array.size,))


@method("unflatten")
def unflatten(input: Tensor, dim: int, sizes) -> Tensor:
    """The tensor with one dimension split into several, the inverse of :func:`flatten`. One size may be -1.

    Raises:
        ShapeError: no such dimension, or the product of the sizes is not its size.

    >>> import cnn_physics77 as torch
    >>> torch.unflatten(torch.zeros(2, 12), 1, (3, -1)).shape
    torch.Size([2, 3, 4])
    """
    shape = input.array.shape
    dim = dimension("unflatten", dim, len(shape))
    sizes = sizes_of("unflatten", (sizes,))
    if not sizes:
        raise ShapeError("unflatten: sizes must be non-empty, found ()")
    return _reshape(input, shape=(*shape[:dim], *_fill_in("unflatten", sizes, shape[dim]), *shape[dim + 1 :]))


@method("squeeze")
def squeeze(input: Tensor, dim=None) -> Tensor:
    """A view without the dimensions of size 1: all of them, or those among ``dim``, an integer or several.

    Raises:
        ShapeError: no such dimension.

    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(1, 3, 1)
    >>> torch.squeeze(x).shape, torch.squeeze(x, 0).shape, torch.squeeze(x, 1).shape
    (torch.Size([3]), torch.Size([3, 1]), torch.Size([1, 3, 1]))
    """
    shape = input.array.shape
    if dim is None:
        return named(_reshape(input, shape=tuple(n for n in shape if n != 1)), "SqueezeBackward0")
    given = dimensions("squeeze", dim, len(shape)) if dim != () and dim != [] else ()
    result = _reshape(input, shape=tuple(n for i, n in enumerate(shape) if n != 1 or i not in given))
    return named(result, "SqueezeBackward1" if isinstance(dim, int) else "SqueezeBackward2")


@method("unsqueeze")
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a new dimension of size 1, which becomes dimension ``dim`` of the result.

    Raises:
        ShapeError: the result has no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.unsqueeze(torch.zeros(2, 3), 1).shape, torch.unsqueeze(torch.zeros(2, 3), -1).shape
    (torch.Size([2, 1, 3]), torch.Size([2, 3, 1]))
    """
    shape = input.array.shape
    dim = dimension("unsqueeze", dim, len(shape) + 1)
    return named(_reshape(input, shape=(*shape[:dim], 1, *shape[dim:])), "UnsqueezeBackward0")


def atleast_1d(*tensors: Tensor):
    """Views of the tensors with at least one dimension. One tensor gives a tensor, several (or a tuple) give
    a tuple.

    >>> import cnn_physics77 as torch
    >>> torch.atleast_1d(torch.tensor(3))
    tensor([3])
    """
    return _each(tensors, lambda x: _reshape(x, shape=(1,)) if x.array.ndim == 0 else x)


def atleast_2d(*tensors: Tensor):
    """Views of the tensors with at least two dimensions, with new ones first; see :func:`atleast_1d`.

    >>> import cnn_physics77 as torch
    >>> torch.atleast_2d(torch.tensor([1, 2]))
    tensor([[1, 2]])
    """
    return _each(
        tensors, lambda x: _reshape(x, shape=(1,) * (2 - x.array.ndim) + x.shape) if x.array.ndim < 2 else x
    )


def atleast_3d(*tensors: Tensor):
    """Views of the tensors with at least three dimensions; see :func:`atleast_1d`.

    (n,) becomes (1, n, 1), and (m, n) becomes (m, n, 1).

    >>> import cnn_physics77 as torch
    >>> torch.atleast_3d(torch.tensor([1, 2])).shape
    torch.Size([1, 2, 1])
    """

    def raised(x):
        shape = x.shape
        if len(shape) > 2:
            return x
        return _reshape(x, shape=(*shape, 1) if len(shape) == 2 else (1, *shape, 1) if shape else (1, 1, 1))

    return _each(tensors, raised)


def _each(tensors: tuple, function):
    if len(tensors) == 1:
        if isinstance(tensors[0], Tensor):
            return function(tensors[0])
        tensors = tuple(tensors[0])
    return tuple(function(x) for x in tensors)


# ---------------------------------------------------------------------------------- repeating without a copy


@method("expand")
@variadic
def _expand_method(self, size) -> Tensor:
    """A view in which dimensions of size 1 are repeated. New dimensions come first; -1 keeps a size.

    Raises:
        ShapeError: a size that is not 1 would have to change, or there are fewer sizes than dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.tensor([[1], [2]]).expand(-1, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    return _expanded("expand", self, sizes_of("expand", (size,)))


def broadcast_to(input: Tensor, size) -> Tensor:
    """A view broadcast to a shape; -1 keeps a size.

    Raises:
        ShapeError: the shape of the input does not broadcast to it.

    >>> import cnn_physics77 as torch
    >>> torch.broadcast_to(torch.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return _expanded("broadcast_to", input, sizes_of("broadcast_to", (size,)))


method("broadcast_to")(variadic(broadcast_to))


@method("expand_as")
def _expand_as(self, other) -> Tensor:
    """See ``expand``; the shape is that of ``other``."""
    return _expanded("expand_as", self, other.shape)


def _expanded(function: str, x: Tensor, sizes: tuple[int, ...]) -> Tensor:
    shape = x.array.shape
    new = len(sizes) - len(shape)
    if new < 0:
        raise ShapeError(
            f"{function}: the number of sizes provided ({len(sizes)}) must be greater or equal to the number "
            f"of dimensions in the tensor ({len(shape)}), found {sizes} for shape {shape}"
        )
    full = []
    for i, size in enumerate(sizes):
        old = shape[i - new] if i >= new else None
        if size == -1 and old is not None:
            size = old
        elif size < 0:
            raise ShapeError(
                f"{function}: expected non-negative sizes, or -1 for existing dimensions, found {sizes}"
            )
        elif old is not None and old != size and old != 1:
            raise ShapeError(
                f"{function}: the expanded size of the tensor ({size}) must match the existing size ({old}) "
                f"at non-singleton dimension {i}, found {sizes} for shape {shape}"
            )
        full.append(size)
    return _expand(x, shape=tuple(full))  # also of the same shape: hooks on it are not hooks on x


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors, expanded to their common shape, as views.

    Raises:
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> a, b = torch.broadcast_tensors(torch.zeros(3, 1), torch.zeros(4))
    >>> a.shape, b.shape
    (torch.Size([3, 4]), torch.Size([3, 4]))
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    shape = common_shape("broadcast_tensors", *(t.shape for t in tensors))
    return tuple(expand_to(t, shape) for t in tensors)


__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_tensors",
    "broadcast_to",
    "flatten",
    "ravel",
    "reshape",
    "squeeze",
    "unflatten",
    "unsqueeze",
]
