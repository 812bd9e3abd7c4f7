"""Reductions over the elements that a mask selects: sums, products, means, extrema, norms.

All take these arguments. ``dim`` is an integer, several, or None for all dimensions. ``keepdim`` keeps the
reduced dimensions with size 1. ``dtype`` is that of the result, which is by default that of the input.
``mask`` is True where an element counts. It is broadcast to the input's shape, and has no more dimensions;
None selects all elements.
"""

from __future__ import annotations

import math

from cnn_physics77.core.backend.conversion import as_dtype
from cnn_physics77.core.errors import ArgumentError, DtypeError
from cnn_physics77.core.operations.base.dimensions import dimension, dimensions
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.comparison.sort_topk import nanmedian
from cnn_physics77.core.operations.creation.creation import ones
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.masked.fill import filled, full_mask, highest, lowest
from cnn_physics77.core.operations.pointwise.exp_log_pow import sqrt
from cnn_physics77.core.operations.reduction import max_min, sum_mean, var_std_norm
from cnn_physics77.core.operations.reduction.cumsum_prod import prod as product
from cnn_physics77.core.tensor import Tensor

# --------------------------------------------------------------------------------------------- sums


def sum(input: Tensor, dim=None, *, keepdim: bool | None = False, dtype=None, mask=None) -> Tensor:
    r"""The sum of the selected elements, 0 where there are none; see :func:`torch.sum`.

    .. math:: y = \sum_i m_i x_i

    By default integers and booleans give int64.

    Raises:
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> torch.masked.sum(x, 1, mask=torch.tensor([[True, False], [True, True]]))
    tensor([1., 7.])
    """
    return sum_mean.sum(filled("masked.sum", input, mask, 0), dim, bool(keepdim), dtype=dtype)


def prod(input: Tensor, dim=None, *, keepdim: bool | None = False, dtype=None, mask=None) -> Tensor:
    r"""The product of the selected elements, 1 where there are none; see :func:`torch.prod`.

    .. math:: y = \prod_{i: m_i} x_i

    By default integers and booleans give int64.

    Raises:
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.prod(torch.tensor([2.0, 3.0, 0.0]), mask=torch.tensor([True, True, False]))
    tensor(6.)
    """
    y = sum_mean.integers_widened("masked.prod", filled("masked.prod", input, mask, 1), dtype)
    for d in sorted(dimensions("masked.prod", dim, y.array.ndim), reverse=True):
        y = product(y, d, bool(keepdim))
    return y


def mean(input: Tensor, dim=None, *, keepdim: bool | None = False, dtype=None, mask=None) -> Tensor:
    r"""The mean of the selected elements, NaN where there are none.

    .. math:: y = \sum_i m_i x_i \Big/ \sum_i m_i

    Raises:
        ArgumentError: the dtype of the result is neither floating nor complex.
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.mean(torch.tensor([1.0, 2.0, 9.0]), mask=torch.tensor([True, True, False]))
    tensor(1.5000)
    """
    input = as_tensor_input("masked.mean", input)
    result = input.array.dtype if dtype is None else as_dtype("masked.mean", dtype)
    if result.kind not in "fc":
        raise ArgumentError(
            f"masked.mean: expected a floating or complex dtype, found torch.{result}; give one as dtype"
        )
    total = sum(input, dim, keepdim=keepdim, dtype=dtype, mask=mask)
    return total / _count("masked.mean", input, dim, keepdim, mask)


def _count(function: str, input: Tensor, dim, keepdim, mask) -> Tensor:
    """The number of selected elements."""
    selected = ones(input.shape, dtype=bool) if mask is None else full_mask(function, input, mask)
    return sum_mean.sum(selected, dim, bool(keepdim))


def logsumexp(input: Tensor, dim=None, *, keepdim: bool = False, dtype=None, mask=None) -> Tensor:
    r"""The logarithm of the sum of the exponentials of the selected elements, -inf where there are none; see
    :func:`torch.logsumexp`.

    .. math:: y = \log \sum_i m_i e^{x_i}

    Raises:
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.logsumexp(torch.tensor([0.0, 0.0, 9.0]), 0, mask=torch.tensor([True, True, False]))
    tensor(0.6931)
    """
    input = as_tensor_input("masked.logsumexp", input)
    least = -math.inf if input.array.dtype.kind == "c" else lowest("masked.logsumexp", input)
    y = sum_mean.logsumexp(
        filled("masked.logsumexp", input, mask, least), () if dim is None else dim, keepdim
    )
    return y.to(dtype or input.dtype)


# --------------------------------------------------------------------------------------------- extrema


def amax(input: Tensor, dim=None, *, keepdim: bool | None = False, dtype=None, mask=None) -> Tensor:
    """The largest of the selected elements, -inf or the least integer where there are none; see
    :func:`torch.amax`.

    Raises:
        DtypeError: the numbers are complex.
        ShapeError: there is no such dimension, one is empty, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.amax(torch.tensor([1.0, 2.0, 9.0]), mask=torch.tensor([True, True, False]))
    tensor(2.)
    """
    least = lowest("masked.amax", input)
    y = max_min.amax(filled("masked.amax", input, mask, least), () if dim is None else dim, bool(keepdim))
    return y if dtype is None else y.to(dtype)


def amin(input: Tensor, dim=None, *, keepdim: bool | None = False, dtype=None, mask=None) -> Tensor:
    """The smallest of the selected elements, inf or the largest integer where there are none; see
    :func:`amax`.

    >>> import cnn_physics77 as torch
    >>> torch.masked.amin(torch.tensor([0.0, 2.0, 9.0]), mask=torch.tensor([False, True, True]))
    tensor(2.)
    """
    most = highest("masked.amin", input)
    y = max_min.amin(filled("masked.amin", input, mask, most), () if dim is None else dim, bool(keepdim))
    return y if dtype is None else y.to(dtype)


def argmax(
    input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype=None, mask=None
) -> Tensor:
    """The index of the largest of the selected elements; see :func:`torch.argmax`. As the dtype of the result
    is by default that of the input, give ``dtype=torch.int64`` for what is to be an index.

    Raises:
        DtypeError: the numbers are complex.
        ShapeError: there is no such dimension, one is empty, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> x, mask = torch.tensor([1.0, 2.0, 9.0]), torch.tensor([True, True, False])
    >>> torch.masked.argmax(x, mask=mask), torch.masked.argmax(x, mask=mask, dtype=torch.int64)
    (tensor(1.), tensor(1))
    """
    y = filled("masked.argmax", input, mask, lowest("masked.argmax", input))
    return max_min.argmax(y, dim, bool(keepdim)).to(dtype or y.dtype)


def argmin(
    input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype=None, mask=None
) -> Tensor:
    """The index of the smallest of the selected elements; see :func:`argmax`.

    >>> import cnn_physics77 as torch
    >>> x, mask = torch.tensor([0.0, 2.0, 9.0]), torch.tensor([False, True, True])
    >>> torch.masked.argmin(x, mask=mask, dtype=torch.int64)
    tensor(1)
    """
    y = filled("masked.argmin", input, mask, highest("masked.argmin", input))
    return max_min.argmin(y, dim, bool(keepdim)).to(dtype or y.dtype)


def median(input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype=None, mask=None) -> Tensor:
    """The median of the selected elements, NaN where there are none: of an even number the lower one of the
    two in the middle. NaN is not selected; see :func:`torch.nanmedian`.

    Floating numbers keep their dtype, whatever ``dtype`` is.

    Raises:
        ArgumentError: there is no element to select, and the numbers are integers.
        DtypeError: the numbers are complex.
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.median(torch.tensor([1.0, 2.0, 9.0]), mask=torch.tensor([True, True, False]))
    tensor(1.)
    """
    input = as_tensor_input("masked.median", input)
    kind = input.array.dtype.kind
    if kind == "c":
        raise DtypeError(f"masked.median: expected real numbers, found {input.dtype}, which have no order")
    floating = input if kind == "f" else input.float()
    dim = dimension("masked.median", dim, input.array.ndim)
    y = nanmedian(filled("masked.median", floating, mask, math.nan), dim, keepdim).values
    if kind == "f":
        return y
    if y.isnan().any():
        raise ArgumentError(
            "masked.median: expected an element of each row to be selected, as integers have no NaN, found a "
            "row without; convert the input, e.g. with .float()"
        )
    return y.to(dtype or input.dtype)


# ------------------------------------------------------------------------------------- norms and variances


def norm(
    input: Tensor,
    ord: float | None = 2.0,
    dim=None,
    *,
    keepdim: bool | None = False,
    dtype=None,
    mask=None,
) -> Tensor:
    r"""The norm of the vector of the selected elements, 0 where there are none, and inf for ``ord=-inf``; see
    :func:`torch.linalg.vector_norm`.

    .. math:: y = \Big(\sum_i m_i |x_i|^p\Big)^{1/p}

    Raises:
        DtypeError: the numbers are neither floating nor complex.
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.norm(torch.tensor([3.0, 4.0, 9.0]), mask=torch.tensor([True, True, False]))
    tensor(5.)
    """
    x = filled("masked.norm", input, mask, math.inf if ord == -math.inf else 0)
    return var_std_norm.vector_norm(x, ord, dim, bool(keepdim), dtype=dtype)


def var(
    input: Tensor,
    dim=None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool | None = False,
    dtype=None,
    mask=None,
) -> Tensor:
    r"""The variance of the selected elements, NaN where there are none.

    .. math:: y = \frac{1}{\max(0, n - c)} \sum_i m_i |x_i - \bar x|^2, \qquad n = \sum_i m_i, \quad
        \bar x = \frac{1}{n} \sum_i m_i x_i

    Args:
        unbiased: whether c is 1, or 0.
        correction: c itself; 1 by default.
        dtype: by default that of the input, or float32 for integers. The variance of complex numbers is
            complex.

    Raises:
        ArgumentError: both ``unbiased`` and ``correction`` are given.
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.var(torch.tensor([1.0, 3.0, 9.0]), mask=torch.tensor([True, True, False]))
    tensor(2.)
    """
    return _variance("masked.var", input, dim, unbiased, correction, keepdim, dtype, mask)


def std(
    input: Tensor,
    dim=None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool | None = False,
    dtype=None,
    mask=None,
) -> Tensor:
    """The standard deviation of the selected elements: the root of :func:`var`, with the same arguments.

    >>> import cnn_physics77 as torch
    >>> torch.masked.std(torch.tensor([1.0, 3.0, 9.0]), correction=0, mask=torch.tensor([True, True, False]))
    tensor(1.)
    """
    return sqrt(_variance("masked.std", input, dim, unbiased, correction, keepdim, dtype, mask))


def _variance(function: str, input, dim, unbiased, correction, keepdim, dtype, mask) -> Tensor:
    if unbiased is not None and correction is not None:
        raise ArgumentError(f"{function}: expected unbiased or correction, found both; leave one out")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    input = as_tensor_input(function, input)
    if input.array.dtype.kind not in "fc":
        input = input.float()
    x = input if dtype is None else input.to(dtype)
    count = _count(function, input, dim, True, mask)
    deviations = input - sum(x, dim, keepdim=True, mask=mask) / count
    total = sum(deviations * deviations.conj(), dim, keepdim=keepdim, dtype=dtype, mask=mask)
    left = count.reshape(total.shape).to(total.real.dtype)
    return total / ((left - correction).clamp(min=0) if correction else left)


__all__ = [
    "amax",
    "amin",
    "argmax",
    "argmin",
    "logsumexp",
    "mean",
    "median",
    "norm",
    "prod",
    "std",
    "sum",
    "var",
]

complete_late(__name__)
