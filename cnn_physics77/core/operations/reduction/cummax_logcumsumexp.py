"""Cumulative maxima and minima, and the cumulative log-sum-exp."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.kernels import scan
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import as_tensor_input, operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.flip_roll import flip
from cnn_physics77.core.operations.indexing.getitem import narrow
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.arithmetic import conj, zero_like
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp, log_add_exp
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.operations.reduction.cumsum_prod import _recurrence
from cnn_physics77.core.operations.reduction.max_min import Kind, real_input, take_along
from cnn_physics77.core.tensor import Tensor, from_array, method

# ------------------------------------------------------------------------------------------ extremes


def _extremes_so_far(kind: type[Kind], ufunc: np.ufunc, input, dim: int) -> Kind:
    function = kind.__name__
    input = real_input(function, input)
    dim = dimension(function, dim, input.array.ndim)
    if input.array.ndim == 0:
        return take_along(kind, input, np.zeros((), np.int64), dim, squeeze=False)
    return take_along(kind, input, scan.records(input.array, ufunc=ufunc, axis=dim), dim, squeeze=False)


@method("cummax")
def cummax(input: Tensor, dim: int) -> return_types.cummax:
    r"""The largest element so far along a dimension, and its index (int64): a named tuple (values, indices).

    .. math:: y_i = \max_{j \le i} x_j

    Of equal elements, the index is that of the last one so far. Once there was a NaN, the values are NaN. The
    gradient goes to the elements at the indices.

    Raises:
        ShapeError: there is no such dimension.
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.cummax(torch.tensor([1.0, 3.0, 2.0]), 0)
    torch.return_types.cummax(
    values=tensor([1., 3., 3.]),
    indices=tensor([0, 1, 1]))
    """
    return _extremes_so_far(return_types.cummax, np.maximum, input, dim)


@method("cummin")
def cummin(input: Tensor, dim: int) -> return_types.cummin:
    """The smallest element so far along a dimension, and its index: see :func:`cummax`.

    >>> import cnn_physics77 as torch
    >>> torch.cummin(torch.tensor([2.0, 3.0, 1.0]), 0)
    torch.return_types.cummin(
    values=tensor([2., 2., 1.]),
    indices=tensor([0, 0, 2]))
    """
    return _extremes_so_far(return_types.cummin, np.minimum, input, dim)


# ------------------------------------------------------------------------------------------ log-sum-exp


@operation(name="logcumsumexp")
def _logcumsumexp(x, *, dim):
    """y_i = log(e^y_{i-1} + e^x_i), in double precision like all cumulative sums."""
    if x.dtype.kind != "c":
        return scan.accumulate(np.logaddexp, x, dim)
    y = np.moveaxis(x, dim, 0).astype(np.complex128)
    for i in range(1, len(y)):
        y[i] = log_add_exp(y[i - 1], y[i])
    return np.moveaxis(y, 0, dim).astype(x.dtype, copy=False)


@_logcumsumexp.derivative("x")
def _(g, x, y, dim):
    r"""The sum over later results, by a recurrence whose factors are at most 1 for real numbers:
    :math:`\bar x_i = h_i e^{x_i - y_i}` with :math:`h_i = \bar y_i + h_{i+1} e^{y_i - y_{i+1}}`."""
    n = x.array.shape[dim]
    if n == 0:
        return g
    ratios = _exp_of_difference(narrow(y, dim, 0, n - 1), narrow(y, dim, 1, n - 1))
    last = zero_like(narrow(g, dim, n - 1, 1))  # starts the recurrence in reverse order; its value is unused
    h = flip(_recurrence(flip(g, dim), flip(conj(cat([ratios, last], dim)), dim), dim=dim), dim)
    return h * conj(exp(x - y))


def _exp_of_difference(a: Tensor, b: Tensor) -> Tensor:
    """e^(a - b), and 1 where both are the same infinity."""
    same = from_array((a.array == b.array) & np.isinf(b.array))
    if same.array.any():
        return exp(where(same, 0.0, a) - where(same, 0.0, b))
    return exp(a - b)


@method("logcumsumexp")
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    r"""The logarithm of the cumulative sum of exponentials along a dimension, without overflow.

    .. math:: y_i = \log \sum_{j \le i} e^{x_j} \qquad \partial y_i / \partial x_j = e^{x_j - y_i}, \; j \le i

    Args:
        input: floating or complex; the result has its shape and dtype.

    Raises:
        ShapeError: there is no such dimension.
        DtypeError: the numbers are integers or booleans.

    >>> import cnn_physics77 as torch
    >>> torch.logcumsumexp(torch.tensor([0.0, 0.0, -1000.0]), 0)
    tensor([0.0000, 0.6931, 0.6931])
    """
    input = as_tensor_input("logcumsumexp", input)
    if input.array.dtype.kind not in "fc":
        raise DtypeError(
            f"logcumsumexp: expected a floating or complex dtype, found {input.dtype}; convert it, e.g. with "
            ".float()"
        )
    return _logcumsumexp_of(input, dimension("logcumsumexp", dim, input.array.ndim))


@in_float32
def _logcumsumexp_of(input: Tensor, dim: int) -> Tensor:
    return _logcumsumexp(input, dim=dim) if input.array.ndim else input.clone()


__all__ = ["cummax", "cummin", "logcumsumexp"]

complete_late(__name__)
