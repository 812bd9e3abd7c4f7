r"""Gather and scatter along a dimension.

With an index tensor k along dimension d, *gather* is :math:`y_{..j..} = x_{..k_{..j..}..}`, and *scatter_add*
is :math:`y_{..i..} = x_{..i..} + \sum_{j:\ k_{..j..} = i} s_{..j..}`. Their linear parts are transposes of
each other, so each is the other's derivative.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import fitted
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels.runtime.one_call import one_call
from cnn_physics77.core.kernels.scatter import add_along, positions_along, take_along
from cnn_physics77.core.operations.base.broadcasting import common_shape, expand_to
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.indexing.shape import reshape, unsqueeze
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array, method

# --------------------------------------------------------------------------------------------- the operations


@operation(name="gather")
def gather_along(x, index, *, dim, squeeze):
    """y = x at the index along dim, which is removed if squeeze. The other dimensions may be smaller."""
    y = take_along(x[_corner(index, dim)], index, dim)
    return y.squeeze(dim) if squeeze else y


@gather_along.derivative("x")
def _(g, index, x_shape, dim, squeeze):
    src = unsqueeze(g, dim) if squeeze else g
    return scatter_add_along(from_array(np.zeros(x_shape, g.array.dtype)), index, src, dim=dim)


@operation(name="scatter_add")
def scatter_add_along(x, index, src, *, dim):
    """y = x + src, added at the index along dim."""
    out = x.copy()
    add_along(out, index, dim, src)
    return out


@scatter_add_along.derivative("x")
def _(g):
    return g


@scatter_add_along.derivative("src")
def _(g, index, dim):
    return gather_along(g, index, dim=dim, squeeze=False)


@operation
def _scatter(x, index, src, *, dim):
    """y = x, with src at the index along dim."""
    out = x.copy(order="K")
    np.put_along_axis(out[_corner(index, dim)], index, src, dim)
    return out


@_scatter.derivative("x")
def _(g, index, dim):
    return _scatter(g, index, from_array(np.zeros((), g.array.dtype)), dim=dim)


@_scatter.derivative("src")
def _(g, index, dim):
    return gather_along(g, index, dim=dim, squeeze=False)


@operation
def _scatter_extreme(x, index, src, *, dim, largest):
    """y = the largest (or smallest) of x and all src elements that the index along dim sends here."""
    out = x.copy()
    ufunc = np.maximum if largest else np.minimum
    ufunc.at(out.reshape(-1), positions_along(out.shape, index, dim).reshape(-1), src.reshape(-1))
    return out


@_scatter_extreme.joint_derivative
def _(g, needed, x, index, src, y, dim):
    # as in PyTorch, all elements that equal the extreme share the gradient equally
    at_x = from_array((x.array == y.array).astype(g.dtype))
    at_src = from_array(
        (src.array == np.take_along_axis(y.array[_corner(index.array, dim)], index.array, dim)).astype(
            g.dtype
        )
    )
    share = g / scatter_add_along(at_x, index, at_src, dim=dim)
    return at_x * share, None, at_src * gather_along(share, index, dim=dim, squeeze=False)


@operation
def _scatter_prod(x, index, src, *, dim):
    """y = x times all src elements that the index along dim sends here."""
    out = x.copy()
    np.multiply.at(out.reshape(-1), positions_along(out.shape, index, dim).reshape(-1), src.reshape(-1))
    return out


@_scatter_prod.joint_derivative
def _(g, needed, x, index, src, y, dim):
    # The product of all other factors: y / src, or, for the n-th zero of an element, the product without the
    # n-th zero. With several zeros it is 0, but its derivatives may not be 0 and have to be recorded.
    others_of_x = _scatter_prod(from_array(np.ones_like(x.array)), index, src, dim=dim)
    zero = src.array == 0
    y_there = gather_along(y, index, dim=dim, squeeze=False)
    one = from_array(np.ones_like(src.array))
    others_of_src = y_there / where(from_array(zero), one, src)
    order = _order_of_zeros(index.array, zero, x.array.shape, dim)
    zeros = order.max(initial=0)
    for n in range(1, (zeros if recording() else min(zeros, 1)) + 1):
        nth = from_array(order == n)
        without = _scatter_prod(x, index, where(nth, one, src), dim=dim)
        others_of_src = where(nth, gather_along(without, index, dim=dim, squeeze=False), others_of_src)
    return g * others_of_x, None, gather_along(g, index, dim=dim, squeeze=False) * others_of_src


@one_call
def _order_of_zeros(index: np.ndarray, zero: np.ndarray, shape: tuple[int, ...], dim: int) -> np.ndarray:
    """For each zero of a source, its number among the zeros with the same target, from 1; 0 for nonzeros."""
    places = positions_along(shape, index, dim)[zero]
    by_place = np.argsort(places, kind="stable")
    _, starts, group = np.unique(places[by_place], return_index=True, return_inverse=True)
    count = np.empty(places.size, np.int64, like=places)
    count[by_place] = np.arange(1, places.size + 1) - starts[group]
    order = np.zeros(index.shape, np.int64, like=index)
    order[zero] = count
    return order


def _corner(index: np.ndarray, dim: int) -> tuple:
    return tuple(slice(None) if axis == dim else slice(n) for axis, n in enumerate(index.shape))


# ----------------------------------------------------------------------------------------- reading arguments


def check_index(function: str, index) -> Tensor:
    """Raise a DtypeError unless this is a tensor of integers."""
    if not isinstance(index, Tensor) or index.array.dtype.kind not in "iu":
        found = index.dtype if isinstance(index, Tensor) else type(index).__name__
        raise DtypeError(
            f"{function}: expected dtype int64 or int32 for index, found {found}; convert it, e.g. with "
            ".long()"
        )
    return index


def check_range(function: str, index: np.ndarray, n: int, dim: int) -> None:
    """Raise a ShapeError unless all indices lie from 0 to n - 1."""
    if index.size:
        low, high = index.min(), index.max()
        if low < 0 or high >= n:
            raise ShapeError(
                f"{function}: index {low if low < 0 else high} is out of bounds for dimension {dim} with "
                f"size {n}"
            )


def _along(function: str, input: Tensor, dim: int, index, src: Tensor | None = None):
    """The checked arguments of a gather or scatter, with at least one dimension: input, dim, index, src."""
    check_index(function, index)
    if src is not None and src.array.dtype != input.array.dtype:
        raise DtypeError(
            f"{function}: Expected self.dtype to be equal to src.dtype, found {input.dtype} and {src.dtype}"
        )
    dim = dimension(function, dim, input.array.ndim)
    if input.array.ndim == 0:
        input = reshape(input, (1,))
    if index.array.ndim == 0:
        index = reshape(index, (1,))
    if src is not None and src.array.ndim == 0:
        src = reshape(src, (1,))
    shapes = (input.array.shape, index.array.shape) + (() if src is None else (src.array.shape,))
    if index.array.size == 0:
        return input, dim, index, src
    if len({len(shape) for shape in shapes}) > 1:
        raise ShapeError(
            f"{function}: Index tensor must have the same number of dimensions as the other tensors, found "
            f"{shapes}"
        )
    for axis, n in enumerate(index.array.shape):
        if (axis != dim and n > input.array.shape[axis]) or (src is not None and n > src.array.shape[axis]):
            raise ShapeError(
                f"{function}: expected index of shape {index.array.shape} to be no larger than self of shape "
                f"{input.array.shape} apart from dimension {dim}"
                + ("" if src is None else f", and no larger than src of shape {src.array.shape}")
            )
    check_range(function, index.array, input.array.shape[dim], dim)
    if src is not None and src.array.shape != index.array.shape:
        src = src[tuple(slice(n) for n in index.array.shape)]
    return input, dim, index, src


# ---------------------------------------------------------------------------------------- gather and scatter


@method("gather")
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    r"""The elements at the given indices along one dimension.

    .. math:: y_{i_0 .. j .. i_n} = x_{i_0 .. k .. i_n}, \qquad k = index_{i_0 .. j .. i_n}

    Args:
        index: integers from 0 to the size of ``dim`` minus 1. It has as many dimensions as the input, and is
            no larger in the other dimensions.
        sparse_grad: accepted for compatibility with PyTorch; gradients are dense.

    Returns:
        Tensor of the index's shape.

    Raises:
        ShapeError: the shapes do not fit, or an index out of bounds.
        DtypeError: the index is not of integers.

    >>> import cnn_physics77 as torch
    >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    return _gathered("gather", input, dim, index)


def _gathered(function: str, input: Tensor, dim: int, index) -> Tensor:
    shape = index.array.shape if isinstance(index, Tensor) else ()
    input, dim, index, _ = _along(function, input, dim, index)
    if index.array.size == 0:
        return (
            from_array(np.empty(shape, input.array.dtype))
            if input.edge is None
            else reshape(input, (-1,))[:0].reshape(shape)
        )
    y = gather_along(input, index, dim=dim, squeeze=False)
    return y if y.array.shape == shape else reshape(y, shape)


@method("take_along_dim")
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """The elements at the given indices along one dimension, like :func:`gather`, but input and indices
    broadcast in the other dimensions, and negative indices count from the end.

    Without a dimension, the indices are those of the flattened input and must not be negative.

    Raises:
        ShapeError: the shapes do not broadcast, no such dimension, or an index out of bounds.
        DtypeError: the index is not of integers.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[10, 30, 20], [60, 40, 50]])
    >>> torch.take_along_dim(x, torch.tensor([[2], [0]]), dim=1)
    tensor([[20],
            [60]])
    """
    check_index("take_along_dim", indices)
    if dim is None:
        return _gathered(
            "take_along_dim", reshape(input, (input.array.size,)), 0, reshape(indices, (indices.array.size,))
        )
    if input.array.ndim != indices.array.ndim:
        raise ShapeError(
            "take_along_dim: input and indices should have the same number of dimensions, found shapes "
            f"{input.array.shape} and {indices.shape}"
        )
    dim = dimension("take_along_dim", dim, input.array.ndim)
    one = [list(shape) for shape in (input.shape, indices.shape)]
    if input.array.ndim:
        one[0][dim] = one[1][dim] = 1
    common = list(common_shape("take_along_dim", *map(tuple, one)))
    shapes = [
        tuple(t.array.shape[dim] if axis == dim else n for axis, n in enumerate(common))
        for t in (input, indices)
    ]
    n, positions = shapes[0][dim] if shapes[0] else 1, indices.array
    from_end = (positions < 0) & (positions >= -n)
    if from_end.any():
        indices = from_array(np.where(from_end, positions + n, positions))
    return _gathered("take_along_dim", expand_to(input, shapes[0]), dim, expand_to(indices, shapes[1]))


def _source(function: str, input: Tensor, src, value, index) -> Tensor:
    """The source of a scatter as a tensor; a number is expanded to the shape of the index."""
    if src is None:
        src = value
    if isinstance(src, Tensor):
        return src
    check_index(function, index)
    return from_array(np.broadcast_to(fitted(function, src, input.array.dtype), index.array.shape))


@method("scatter")
def scatter(
    input: Tensor, dim: int, index: Tensor, src=None, *, value=None, reduce: str | None = None
) -> Tensor:
    r"""The input, with the elements of ``src`` written to the given indices along one dimension.

    .. math:: y_{i_0 .. k .. i_n} = s_{i_0 .. j .. i_n}, \qquad k = index_{i_0 .. j .. i_n}

    If an index occurs several times, the last one counts; the gradient of ``src`` is only right for indices
    that occur once.

    Args:
        index: integers; in no dimension larger than ``src``, and in no dimension but ``dim`` larger than the
            input.
        src: a tensor of the input's dtype, or a number for all indices (also named ``value``).
        reduce: None; or ``"add"`` or ``"multiply"`` to add ``src`` to, or multiply it with, the input.

    Raises:
        ShapeError: the shapes do not fit, or an index out of bounds.
        DtypeError: the index is not of integers, or ``src`` has another dtype.

    >>> import cnn_physics77 as torch
    >>> torch.scatter(torch.zeros(2, 3), 1, torch.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise ArgumentError(f"scatter: reduce argument must be either add or multiply, found {reduce!r}")
        source = _source("scatter", input, src, value, index)
        return scatter_reduce(input, dim, index, source, "sum" if reduce == "add" else "prod")
    shape = input.array.shape
    x, dim, index, source = _along("scatter", input, dim, index, _source("scatter", input, src, value, index))
    if index.array.size == 0:
        return input.clone()
    y = _scatter(x, index, source, dim=dim)
    return y if y.array.shape == shape else reshape(y, shape)


@method("scatter_add")
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    r"""The input plus the elements of ``src``, added at the given indices along one dimension.

    It is the transpose of :func:`gather`.

    .. math::
        y_{i_0 .. k .. i_n} = x_{i_0 .. k .. i_n} + \sum_{j:\ index_{i_0 .. j .. i_n} = k} s_{i_0 .. j .. i_n}

    Raises:
        ShapeError: the shapes do not fit, or an index out of bounds.
        DtypeError: the index is not of integers, or ``src`` has another dtype.

    >>> import cnn_physics77 as torch
    >>> torch.scatter_add(torch.zeros(3), 0, torch.tensor([0, 2, 0]), torch.tensor([1.0, 2.0, 3.0]))
    tensor([4., 0., 2.])
    """
    shape = input.array.shape
    x, dim, index, source = _along("scatter_add", input, dim, index, src)
    if index.array.size == 0:
        return input.clone()
    y = scatter_add_along(x, index, source, dim=dim)
    return y if y.array.shape == shape else reshape(y, shape)


@method("scatter_reduce")
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """The input, reduced with the elements of ``src`` at the given indices along one dimension.

    Args:
        reduce: ``"sum"``, ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``. All elements that equal an
            extreme share its gradient equally.
        include_self: whether the input's element at an index is included in the reduction. Elements at no
            index are unchanged.

    Raises:
        ShapeError: the shapes do not fit, or an index out of bounds.
        DtypeError: the index is not of integers, or ``src`` has another dtype.

    >>> import cnn_physics77 as torch
    >>> x, i = torch.tensor([1.0, 5.0]), torch.tensor([0, 1, 0])
    >>> torch.scatter_reduce(x, 0, i, torch.tensor([2.0, 3.0, 4.0]), "amax")
    tensor([4., 5.])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise ArgumentError(
            f"scatter_reduce: reduce argument must be either sum, prod, mean, amax or amin, got {reduce!r}"
        )
    shape = input.array.shape
    x, dim, index, source = _along("scatter_reduce", input, dim, index, src)
    if index.array.size == 0:
        return input.clone()
    if not include_self:
        x = _scatter(
            x, index, from_array(np.asarray(_neutral(reduce, x.array.dtype), x.array.dtype)), dim=dim
        )
    if reduce in ("sum", "mean"):
        y = scatter_add_along(x, index, source, dim=dim)
        if reduce == "mean":
            ones = from_array(np.ones(index.array.shape, np.int64))
            first = from_array(np.full(x.array.shape, int(include_self)))
            count = np.maximum(scatter_add_along(first, index, ones, dim=dim).array, 1).astype(x.array.dtype)
            y = y / from_array(count) if x.array.dtype.kind in "fc" else y // from_array(count)
    elif reduce == "prod":
        y = _scatter_prod(x, index, source, dim=dim)
    else:
        y = _scatter_extreme(x, index, source, dim=dim, largest=reduce == "amax")
    return y if y.array.shape == shape else reshape(y, shape)


def _neutral(reduce: str, dtype: np.dtype):
    if reduce in ("amax", "amin"):
        lowest = reduce == "amax"
        if dtype.kind == "f":
            return -np.inf if lowest else np.inf
        if dtype.kind == "b":
            return not lowest
        return np.iinfo(dtype).min if lowest else np.iinfo(dtype).max
    return 1 if reduce == "prod" else 0


__all__ = ["gather", "scatter", "scatter_add", "scatter_reduce", "take_along_dim"]
