r"""Cumulative sums and products, and the product. Their derivatives are exact even if factors are zero.

The derivative of a product with respect to a factor is the product of all other factors: the product divided
by it. Division fails if a factor is zero. Then the products of the factors before it and after it are used:

.. math:: \frac{\partial}{\partial x_i} \prod_j x_j = \Big(\prod_{j<i} x_j\Big) \Big(\prod_{j>i} x_j\Big).

These are cumulative products, :math:`y_i = x_i\, y_{i-1}`, a case of the linear recurrence
:math:`s_i = b_i + a_i s_{i-1}`. Its adjoint is the same recurrence in reverse order:

.. math:: \bar b_i = \bar s_i + a_{i+1}^* \bar b_{i+1}, \qquad \bar a_i = \bar b_i\, s_{i-1}^*.

So the derivatives of any order exist. (G. E. Blelloch, *Prefix sums and their
applications*, CMU-CS-90-190, section 1.4, on recurrences as scans.)
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.kernels import scan
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.flip_roll import flip
from cnn_physics77.core.operations.pointwise.arithmetic import conj
from cnn_physics77.core.operations.reduction.sum_mean import expand_reduced, integers_widened
from cnn_physics77.core.tensor import Tensor, method

# ------------------------------------------------------------------------------------------ cumulative sums


@operation(name="cumsum")
def _cumsum(x, *, dim):
    """In double precision, as in PyTorch: a partial sum may exceed the range of float32 and return to it."""
    return scan.accumulate(np.add, x, dim)


@_cumsum.derivative("x")
def _(g, dim):
    return flip(_cumsum(flip(g, dim), dim=dim), dim)


@in_float32
def _running_of(record, input: Tensor, dim: int) -> Tensor:
    if input.array.ndim == 0:
        return record(input.reshape(1), dim=0).reshape(())
    return record(input, dim=dim)


def _running(function: str, record, input, dim: int, dtype) -> Tensor:
    input = integers_widened(function, input, dtype)
    return _running_of(record, input, dimension(function, dim, input.array.ndim))


@method("cumsum")
def cumsum(input: Tensor, dim: int, *, dtype=None) -> Tensor:
    r"""The cumulative sum along a dimension.

    .. math:: y_i = \sum_{j \le i} x_j

    Args:
        dim: along which.
        dtype: the dtype to convert to first. By default integers and booleans give int64.

    Returns:
        y, of the shape of the input.

    Raises:
        ShapeError: there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.cumsum(torch.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 3., 6.])
    """
    return _running("cumsum", _cumsum, input, dim, dtype)


# ----------------------------------------------------------------------------------------- linear recurrences


@operation(name="recurrence")
def _recurrence(b, a, *, dim):
    """s_i = b_i + a_i s_{i-1}, starting from 0, along a dimension."""
    return scan.recurrence(b, a, dim)


@_recurrence.joint_derivative
def _(g, needed, a, y, dim):
    b_gradient = _adjoint_recurrence(g, conj(a), dim)
    return b_gradient, b_gradient * conj(_shifted(y, dim=dim, by=1, fill=0)) if needed[1] else None


def _adjoint_recurrence(v: Tensor, a: Tensor, dim: int) -> Tensor:
    """b_i = v_i + a_{i+1} b_{i+1}, in reverse order."""
    return flip(_recurrence(flip(v, dim), flip(_shifted(a, dim=dim, by=-1, fill=0), dim), dim=dim), dim)


@operation(name="shifted")
def _shifted(x, *, dim, by, fill):
    """y_i = x_{i - by}, with by = 1 or -1, and ``fill`` at the free end."""
    y = np.empty_like(x)
    source, target = np.moveaxis(x, dim, 0), np.moveaxis(y, dim, 0)
    if by > 0:
        target[:1], target[1:] = fill, source[:-1]
    else:
        target[-1:], target[:-1] = fill, source[1:]
    return y


@_shifted.derivative("x")
def _(g, dim, by):
    return _shifted(g, dim=dim, by=-by, fill=0)


# --------------------------------------------------------------------------------------------- products


@operation(name="cumprod")
def _cumprod(x, *, dim):
    return scan.accumulate(np.multiply, x, dim)


@_cumprod.derivative("x")
def _(g, x, y, dim):
    if _divides(y):
        return flip(_cumsum(flip(g * conj(y), dim), dim=dim), dim) / conj(x)
    return _adjoint_recurrence(g, conj(x), dim) * conj(_shifted(y, dim=dim, by=1, fill=1))


@method("cumprod")
def cumprod(input: Tensor, dim: int, *, dtype=None) -> Tensor:
    r"""The cumulative product along a dimension.

    .. math:: y_i = \prod_{j \le i} x_j

    The derivatives are exact even if factors are zero.

    Args:
        dim: along which.
        dtype: the dtype to convert to first. By default integers and booleans give int64.

    Returns:
        y, of the shape of the input.

    Raises:
        ShapeError: there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.cumprod(torch.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 2., 6.])
    """
    return _running("cumprod", _cumprod, input, dim, dtype)


@operation(name="prod")
def _prod(x, *, dim, keepdim):
    return np.multiply.reduce(x, axis=dim, dtype=x.dtype, keepdims=keepdim)


def _divides(y: Tensor) -> bool:
    """Whether products are finite and not rounded to 0, so that they can be divided by each factor."""
    size = np.abs(y.array)
    return bool(((size >= np.finfo(y.array.dtype).tiny) & (size < np.inf)).all())


@_prod.derivative("x")
def _(g, x, y, dim, keepdim):
    if _divides(y):
        g, y = (expand_reduced(t, (dim,), keepdim, x.array.shape) for t in (g, y))
        return g * conj(y / x)
    before = _shifted(_cumprod(x, dim=dim), dim=dim, by=1, fill=1)
    after = flip(_shifted(_cumprod(flip(x, dim), dim=dim), dim=dim, by=1, fill=1), dim)
    return expand_reduced(g, (dim,), keepdim, x.array.shape) * conj(before * after)


@method("prod")
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype=None) -> Tensor:
    r"""The product of all elements, or along one dimension.

    .. math:: y = \prod_i x_i \qquad \partial y / \partial x_i = \prod_{j \ne i} x_j

    The product of no elements is 1. The derivatives are exact even if factors are zero.

    Args:
        dim: the dimension; None for all elements.
        keepdim: whether to keep the reduced dimension with size 1.
        dtype: the dtype to convert to first. By default integers and booleans give int64.

    Raises:
        ShapeError: there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.prod(torch.tensor([[1.0, 2.0], [3.0, 0.0]]), dim=1)
    tensor([2., 0.])
    """
    input = integers_widened("prod", input, dtype)
    if dim is not None:
        dim = dimension("prod", dim, input.array.ndim)
    if dim is None or input.array.ndim == 0:
        return _product(input.reshape(-1), dim=0, keepdim=False)
    return _product(input, dim=dim, keepdim=keepdim)


@in_float32
def _product(input: Tensor, dim: int, keepdim: bool) -> Tensor:
    return _prod(input, dim=dim, keepdim=keepdim)


__all__ = ["cumprod", "cumsum", "prod"]
