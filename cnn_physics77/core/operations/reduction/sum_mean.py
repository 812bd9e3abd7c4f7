"""Sums, means, counts, all and any over dimensions.

``dim`` is an integer, several, or None for all dimensions; negative ones count from the end. ``keepdim``
keeps the reduced dimensions with size 1.
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.backend.dtypes import accumulator, default_dtype
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.kernels.sums import add_over
from cnn_physics77.core.operations.base.broadcasting import cast, expand_to
from cnn_physics77.core.operations.base.dimensions import dimensions
from cnn_physics77.core.operations.base.elementwise import binary
from cnn_physics77.core.operations.base.names import named
from cnn_physics77.core.operations.base.operation import as_tensor_input, operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.cast import as_dtype, convert
from cnn_physics77.core.operations.pointwise.arithmetic import conj
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array, method

# --------------------------------------------------------------------------------------------- sums


@operation(name="sum")
def _sum(x, *, dim, keepdim):
    y = add_over(x, dim, dtype=accumulator(x.dtype), keepdims=keepdim)
    return y.astype(x.dtype, copy=False)


@_sum.derivative("x")
def _(g, x_shape, dim, keepdim):
    return expand_reduced(g, dim, keepdim, x_shape)


def expand_reduced(g: Tensor, dim: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> Tensor:
    """The result of a reduction over ``dim``, expanded to the shape before it: the adjoint of the sum."""
    return (
        expand_to(g, shape) if keepdim or len(dim) == len(shape) else _expand_reduced(g, dim=dim, shape=shape)
    )


@operation(name="expand_reduced", view=True)
def _expand_reduced(x, *, dim, shape):
    """y_i = x_j, where j is i without the dimensions ``dim``."""
    return np.broadcast_to(x.reshape(tuple(1 if i in dim else n for i, n in enumerate(shape))), shape)


@_expand_reduced.derivative("x")
def _(g, dim):
    return _sum(g, dim=dim, keepdim=False)


def _as_requested(function: str, input, dtype) -> Tensor:
    input = as_tensor_input(function, input)
    if dtype is None:
        return input
    return convert(input, as_dtype(function, dtype))


def integers_widened(function: str, input, dtype) -> Tensor:
    """The argument, converted to ``dtype``; by default integers and booleans are converted to int64."""
    input = _as_requested(function, input, dtype)
    if dtype is None and input.array.dtype.kind in "biu":
        return cast(input, dtype=np.dtype(np.int64))
    return input


@method("sum")
def sum(input, dim=None, keepdim: bool = False, *, dtype=None) -> Tensor:
    r"""The sum over dimensions.

    .. math:: y = \sum_i x_i \qquad \partial y / \partial x_i = 1

    Args:
        dim: integer, several, or None for all.
        keepdim: whether to keep the reduced dimensions with size 1.
        dtype: the dtype to convert to first. By default integers and booleans give int64.

    The sum of no elements is 0.

    Raises:
        ShapeError: there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.sum(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
    tensor([3., 7.])
    """
    input = integers_widened("sum", input, dtype)
    result = _sum(input, dim=dimensions("sum", dim, input.array.ndim), keepdim=keepdim)
    return result if dim is None or result.edge is None else named(result, "SumBackward1")


@method("nansum")
def nansum(input, dim=None, keepdim: bool = False, *, dtype=None) -> Tensor:
    """The sum over dimensions, where NaN counts as 0 and has derivative 0.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.nansum(torch.tensor([1.0, float("nan")]))
    tensor(1.)
    """
    input = integers_widened("nansum", input, dtype)
    if input.array.dtype.kind == "c":
        raise DtypeError("nansum: expected real numbers, found complex ones; sum .real and .imag")
    if input.array.dtype.kind == "f":
        input = where(from_array(np.isnan(input.array)), 0.0, input)
    return _sum(input, dim=dimensions("nansum", dim, input.array.ndim), keepdim=keepdim)


# --------------------------------------------------------------------------------------------- means


@operation(name="mean")
def _mean(x, *, dim, keepdim, count):
    wide = accumulator(x.dtype)
    total = add_over(x, dim, dtype=wide, keepdims=keepdim)
    return (total / as_array(count).astype(wide, copy=False)).astype(x.dtype, copy=False)


@_mean.derivative("x")
def _(g, x_shape, dim, keepdim, count):
    return expand_reduced(_divided(g, count) if count else g, dim, keepdim, x_shape)


@in_float32  # the count may exceed the range of float16
def _divided(g, count: int):
    return g / count


def count_of(shape: tuple[int, ...], dim: tuple[int, ...]) -> int:
    """The number of elements that are reduced to one result."""
    return math.prod(shape[d] for d in dim)


def floating_input(function: str, input, dtype=None) -> Tensor:
    """The argument as a floating or complex tensor, converted to ``dtype`` first."""
    input = _as_requested(function, input, dtype)
    if input.array.dtype.kind not in "fc":
        raise DtypeError(
            f"{function}: expected a floating or complex dtype, found {input.dtype}; convert the input, e.g. "
            "with .float()" + (", or give dtype" if function in ("mean", "nanmean") else "")
        )
    return input


@method("mean")
def mean(input, dim=None, keepdim: bool = False, *, dtype=None) -> Tensor:
    r"""The mean over dimensions.

    .. math:: y = \frac{1}{n} \sum_i x_i \qquad \partial y / \partial x_i = 1/n

    Args:
        dim: integer, several, or None for all.
        keepdim: whether to keep the reduced dimensions with size 1.
        dtype: the dtype to convert to first.

    The mean of no elements is NaN.

    Raises:
        DtypeError: integers or booleans, without ``dtype``.
        ShapeError: there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.mean(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), dim=1)
    tensor([1.5000, 4.0000])
    """
    input = floating_input("mean", input, dtype)
    shape = input.array.shape
    over = dimensions("mean", dim, len(shape))
    result = _mean(input, dim=over, keepdim=keepdim, count=count_of(shape, over))
    return result if dim is None or result.edge is None else named(result, "MeanBackward1")


@method("nanmean")
def nanmean(input, dim=None, keepdim: bool = False, *, dtype=None) -> Tensor:
    """The mean over dimensions of the elements that are not NaN, or NaN if there are none. NaN has derivative
    0.

    Raises:
        DtypeError: the dtype is not floating.

    >>> import cnn_physics77 as torch
    >>> torch.nanmean(torch.tensor([1.0, float("nan"), 3.0]))
    tensor(2.)
    """
    input = floating_input("nanmean", input, dtype)
    if input.array.dtype.kind == "c":
        raise DtypeError(
            "nanmean: expected real numbers, found complex ones; take the mean of .real and .imag"
        )
    return _nanmean(input, dimensions("nanmean", dim, input.array.ndim), keepdim)


@in_float32
def _nanmean(input: Tensor, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    count = (~np.isnan(input.array)).sum(axis=dim, keepdims=keepdim, dtype=input.array.dtype)
    return nansum(input, dim, keepdim) / from_array(as_array(count))


# --------------------------------------------------------------------------------------------- log-sum-exp


_exp_difference = binary(
    "exp_difference",
    lambda a, b: np.exp(a - b),
    "y = e^(a - b)",
    a=lambda g, y: g * conj(y),
    b=lambda g, y: -g * conj(y),
)


@operation(name="logsumexp")
def _logsumexp(x, *, dim, keepdim):
    shift = np.maximum.reduce(x.real, axis=dim, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(shift), shift, 0).astype(x.dtype)
    y = np.log(add_over(np.exp(x - shift), dim, keepdims=True)) + shift
    return y if keepdim else y.reshape(tuple(n for i, n in enumerate(y.shape) if i not in dim))


@_logsumexp.derivative("x")
def _(g, x, y, dim, keepdim):
    shape = x.array.shape
    share = _exp_difference(x, expand_reduced(y, dim, keepdim, shape))
    return expand_reduced(g, dim, keepdim, shape) * conj(share)


@method("logsumexp")
@in_float32
def logsumexp(input, dim, keepdim: bool = False) -> Tensor:
    r"""The logarithm of the sum of exponentials, without overflow.

    .. math:: y = \log \sum_i e^{x_i} \qquad \partial y / \partial x_i = e^{x_i - y}

    It is -∞ for no elements, and if all are -∞. Integers become the default floating dtype. Of complex
    numbers, the logarithm is the principal value of the sum divided by :math:`e^m`, plus m, the largest real
    part.

    Args:
        dim: integer or several.
        keepdim: whether to keep the reduced dimensions with size 1.

    Raises:
        ShapeError: there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.logsumexp(torch.tensor([1000.0, 0.0]), dim=0)
    tensor(1000.)
    """
    input = as_tensor_input("logsumexp", input)
    if input.array.dtype.kind in "biu":
        input = cast(input, dtype=default_dtype())
    return _logsumexp(input, dim=dimensions("logsumexp", dim, input.array.ndim), keepdim=keepdim)


# ---------------------------------------------------------------------------------------- booleans and counts


def _reduce_booleans(name: str, ufunc, input, dim, keepdim: bool) -> Tensor:
    array = as_tensor_input(name, input).array
    y = ufunc.reduce(array, axis=dimensions(name, dim, array.ndim), keepdims=keepdim)
    return from_array(as_array(y).astype(np.uint8 if array.dtype == np.uint8 else bool, copy=False))


@method("all")
def all(input, dim=None, keepdim: bool = False) -> Tensor:
    """Whether all elements along dimensions are true (not 0; NaN is not 0). The result is boolean, or uint8
    for uint8; it is True for no elements.

    >>> import cnn_physics77 as torch
    >>> torch.all(torch.tensor([[True, False], [True, True]]), dim=1)
    tensor([False,  True])
    """
    return _reduce_booleans("all", np.logical_and, input, dim, keepdim)


@method("any")
def any(input, dim=None, keepdim: bool = False) -> Tensor:
    """Whether any element along dimensions is true (not 0). The result is boolean, or uint8 for uint8; it is
    False for no elements.

    >>> import cnn_physics77 as torch
    >>> torch.any(torch.tensor([[True, False], [False, False]]), dim=1)
    tensor([ True, False])
    """
    return _reduce_booleans("any", np.logical_or, input, dim, keepdim)


@method("count_nonzero")
def count_nonzero(input, dim=None) -> Tensor:
    """The number of nonzero elements along dimensions, int64.

    >>> import cnn_physics77 as torch
    >>> torch.count_nonzero(torch.tensor([[0, 1], [2, 3]]), dim=0)
    tensor([1, 2])
    """
    array = as_tensor_input("count_nonzero", input).array
    axes = dimensions("count_nonzero", dim, array.ndim)
    return from_array(as_array(np.add.reduce(array != 0, axis=axes, dtype=np.int64)))


__all__ = [
    "all",
    "any",
    "count_nonzero",
    "logsumexp",
    "mean",
    "nanmean",
    "nansum",
    "sum",
]
