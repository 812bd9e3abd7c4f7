r"""Softmax and its logarithm along one dimension."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.kernels import softmax as kernels
from cnn_physics77.core.operations.base.broadcasting import cast
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import Operation, operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.pointwise.arithmetic import neg
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp
from cnn_physics77.core.tensor import Tensor, method


@operation(name="softmax")
def _softmax(x, *, dim):
    """y_i = exp(x_i) / Σ_j exp(x_j)"""
    return kernels.softmax(x, dim) if x.ndim else np.ones_like(x) * (x - x + 1)


@operation(name="softmax_gradient")
def _softmax_gradient(g, p, *, dim):
    """p (g - Σ g p)"""
    return kernels.softmax_gradient(g, p, dim) if p.ndim else p * (g - g * p)


@_softmax.derivative("x")
def _(g, y, dim):
    return _softmax_gradient(g, y, dim=dim)


@_softmax_gradient.derivative("g")
def _(v, p, dim):
    return _softmax_gradient(v, p, dim=dim)


@_softmax_gradient.derivative("p")
def _(v, g, p, dim):
    return v * (g - (g * p).sum(dim, keepdim=True)) - g * (v * p).sum(dim, keepdim=True)


@operation(name="log_softmax")
def _log_softmax(x, *, dim):
    """y_i = x_i - log Σ_j exp(x_j)"""
    return kernels.log_softmax(x, dim) if x.ndim else x - x


@operation(name="log_softmax_gradient")
def _log_softmax_gradient(g, log_p, *, dim):
    """g - exp(log_p) Σ g"""
    return kernels.log_softmax_gradient(g, log_p, dim) if log_p.ndim else g - np.exp(log_p) * g


@_log_softmax.derivative("x")
def _(g, y, dim):
    return _log_softmax_gradient(g, y, dim=dim)


@_log_softmax_gradient.derivative("g")
def _(v, log_p, dim):
    return v - (v * exp(log_p)).sum(dim, keepdim=True)


@_log_softmax_gradient.derivative("log_p")
def _(v, g, log_p, dim):
    return -v * exp(log_p) * g.sum(dim, keepdim=True)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype=None) -> Tensor:
    r"""The softmax along one dimension: positive numbers that sum to 1.

    .. math::
        y_i = \frac{e^{x_i}}{\sum_j e^{x_j}}, \qquad \bar x = y \, (\bar y - \textstyle\sum_j \bar y_j y_j)

    The maximum is subtracted first, so that nothing overflows. If all inputs are -inf, or one is +inf or NaN,
    the results are NaN.

    Args:
        input: x, floating, of any shape.
        dim: the dimension along which the results sum to 1. None (deprecated, as in PyTorch) means 0 if x has
            0, 1 or 3 dimensions, else 1.
        _stacklevel: accepted as PyTorch's; a dtype, which :func:`torch.softmax` has in this place; or unused.
        dtype: the dtype to convert to first.

    Raises:
        ShapeError: there is no such dimension.
        DtypeError: the input is not floating.

    >>> import cnn_physics77 as torch
    >>> torch.softmax(torch.tensor([0.0, 0.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    input, dim = _prepare("softmax", input, dim, dtype, _stacklevel)
    return _in_single(_softmax, input, dim)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype=None) -> Tensor:
    """The :func:`softmax` of -x, with the same arguments.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.softmin(torch.tensor([0.0, 1.0]), dim=0)
    tensor([0.7311, 0.2689])
    """
    input, dim = _prepare("softmin", input, dim, dtype, _stacklevel)
    return _in_single(_softmax, neg(input), dim)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype=None) -> Tensor:
    r"""The logarithm of the softmax, computed without overflow.

    .. math:: y_i = x_i - \log \sum_j e^{x_j}, \qquad \bar x = \bar y - e^y \textstyle\sum_j \bar y_j

    Arguments, conventions and errors are those of :func:`softmax`.

    >>> import cnn_physics77 as torch
    >>> torch.log_softmax(torch.tensor([0.0, 0.0]), dim=0)
    tensor([-0.6931, -0.6931])
    """
    input, dim = _prepare("log_softmax", input, dim, dtype, _stacklevel)
    return _in_single(_log_softmax, input, dim)


@in_float32
def _in_single(record: Operation, input: Tensor, dim: int) -> Tensor:
    return record(input, dim=dim)


def _prepare(function: str, input: Tensor, dim: int | None, dtype, place_of_dtype) -> tuple[Tensor, int]:
    if not isinstance(input, Tensor):
        raise DtypeError(
            f"{function}: expected a tensor, found {type(input).__name__}; use torch.tensor() first"
        )
    if dtype is None and not isinstance(place_of_dtype, int):  # as torch.softmax has it
        dtype = place_of_dtype
    if dtype is not None and input.array.dtype != dtype:
        input = cast(input, dtype=np.dtype(dtype))
    if input.array.dtype.kind != "f":
        raise DtypeError(
            f"{function}: expected a floating dtype, found {input.dtype}; convert the input, or give dtype"
        )
    if dim is None:
        warn(
            f"Implicit dimension choice for {function} has been deprecated. Change the call to include dim=X "
            "as an argument."
        )
        dim = 0 if input.array.ndim in (0, 1, 3) else 1
    return input, dimension(function, dim, input.array.ndim)


@method("softmax")
def _(self, dim, dtype=None):
    return softmax(self, dim, dtype=dtype)


@method("log_softmax")
def _(self, dim, dtype=None):
    return log_softmax(self, dim, dtype=dtype)


__all__ = ["log_softmax", "softmax", "softmin"]
