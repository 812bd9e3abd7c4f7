"""Variances, standard deviations and norms."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable

import numpy as np

from cnn_physics77.core.errors import ArgumentError
from cnn_physics77.core.kernels.sums import add_over
from cnn_physics77.core.operations.base.broadcasting import cast
from cnn_physics77.core.operations.base.dimensions import dimensions
from cnn_physics77.core.operations.base.elementwise import unary
from cnn_physics77.core.operations.base.keywords import completed
from cnn_physics77.core.operations.base.names import named
from cnn_physics77.core.operations.base.operation import as_tensor_input, operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.cast import as_dtype, convert
from cnn_physics77.core.operations.pointwise.arithmetic import abs, conj, zero_like
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.operations.reduction.max_min import amax, amin
from cnn_physics77.core.operations.reduction.sum_mean import (
    any,
    count_of,
    expand_reduced,
    floating_input,
    mean,
    sum,
)
from cnn_physics77.core.tensor import Tensor, from_array, method

FLOAT32_MAX = float(np.finfo(np.float32).max)

root = unary(
    "root",
    np.sqrt,
    "√x with derivative 0 at 0, so that a norm has the subgradient 0 there.",
    x=lambda g, y: _root_gradient(g, y),
)


def _root_gradient(g, y):
    zero = from_array(y.array == 0)
    return where(zero, 0.0, g / (where(zero, 1.0, y) * 2)) if zero.array.any() else g / (y * 2)


def _root_bounds(p: float) -> tuple[float, float]:
    """The range of p-th roots for which a float32 sum of up to 1e7 p-th powers has full precision."""
    bound = 1e30 ** min(1 / builtins.abs(p), 10)
    return 1 / bound, bound


@in_float32
def _in_range(function: Callable, x: Tensor, least: float, most: float) -> Tensor:
    """function(x). For float32 it is computed again in double precision if the result is not between
    ``least`` and ``most``, since an intermediate result may have left the range of float32."""
    y = function(x)
    found = y.array
    if found.dtype != np.float32 or not found.size:
        return y
    if found.min() >= np.float64(least) and found.max() <= np.float64(most):
        return y
    wide = cast(x, dtype=np.result_type(x.array.dtype, np.float64))
    return cast(function(wide), dtype=found.dtype)


# --------------------------------------------------------------------------------------------- variance


@operation(name="var")
def _var(x, *, dim, keepdim, count, correction, whole):
    """Σ |x - mean|² / (n - correction). The mean is subtracted first, and then what its rounding left, so a
    large mean costs no precision."""
    n = x.dtype.type(count)
    distance = x - add_over(x, dim, keepdims=True) / n
    distance -= add_over(distance, dim, keepdims=True) / n
    squares = distance.real**2 + distance.imag**2 if x.dtype.kind == "c" else np.square(distance)
    total = add_over(squares, dim, keepdims=keepdim)
    return total / squares.dtype.type(max(0, count - correction))


@_var.derivative("x")
def _(g, x, dim, keepdim, count, correction, whole):
    degrees = count - correction
    if whole and degrees <= 0:  # as in PyTorch: infinite, and NaN for elements that equal the mean
        at_mean = x.array == mean(x, keepdim=True).array
        return expand_reduced(g, dim, keepdim, x.array.shape) * from_array(
            np.where(at_mean, x.array.dtype.type(math.nan), x.array.dtype.type(math.inf))
        )
    scale = 2 / degrees if degrees else math.inf
    return expand_reduced(g * scale, dim, keepdim, x.array.shape) * (x - mean(x, dim, keepdim=True))


def _dispersion(function: str, finish: Callable, input, dim, unbiased, correction, keepdim) -> Tensor:
    """The variance, passed through ``finish`` (the square root, or the identity)."""
    if isinstance(dim, bool):  # var(input, unbiased)
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise ArgumentError(
            f"{function}: expected either unbiased or correction, found both; unbiased=True is correction=1"
        )
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    input = floating_input(function, input)
    axes = dimensions(function, dim, input.array.ndim)
    count, whole = count_of(input.array.shape, axes), dim is None or input.array.ndim == 0
    return _in_range(
        lambda x: finish(_var(x, dim=axes, keepdim=keepdim, count=count, correction=correction, whole=whole)),
        input,
        *(_root_bounds(2) if finish is root else (0.0, FLOAT32_MAX)),
    )


def _identity(variance: Tensor) -> Tensor:
    return variance


def _mean_over(input, dim, keepdim) -> Tensor:
    return mean(input, None if isinstance(dim, bool) else dim, keepdim)


@method("var")
def var(
    input: Tensor, dim=None, unbiased: bool | None = None, keepdim: bool = False, *, correction=None
) -> Tensor:
    r"""The variance over dimensions.

    .. math:: y = \frac{1}{\max(0, n - c)} \sum_i |x_i - \bar x|^2

    Args:
        dim: integer, several, or None for all.
        unbiased: the older form of ``correction``: True for 1, False for 0.
        keepdim: whether to keep the reduced dimensions with size 1.
        correction: c, by default 1 (Bessel's correction, for the unbiased estimate).

    The variance of complex x is real. It is NaN for one element with correction 1, and for no elements.

    Raises:
        DtypeError: the input is neither floating nor complex.
        ShapeError: there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.var(torch.tensor([1.0, 2.0, 3.0])), torch.var(torch.tensor([1.0, 3.0]), correction=0)
    (tensor(1.), tensor(1.))
    """
    return _dispersion("var", _identity, input, dim, unbiased, correction, keepdim)


@method("std")
def std(
    input: Tensor, dim=None, unbiased: bool | None = None, keepdim: bool = False, *, correction=None
) -> Tensor:
    """The standard deviation over dimensions: the square root of :func:`var`. Its derivative at 0 is 0.

    >>> import cnn_physics77 as torch
    >>> torch.std(torch.tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    """
    return named(_dispersion("std", root, input, dim, unbiased, correction, keepdim), "StdBackward0")


def var_mean(
    input: Tensor, dim=None, unbiased: bool | None = None, keepdim: bool = False, *, correction=None
) -> tuple[Tensor, Tensor]:
    """The variance and the mean over dimensions: see :func:`var` and :func:`mean`.

    >>> import cnn_physics77 as torch
    >>> torch.var_mean(torch.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    variance = _dispersion("var_mean", _identity, input, dim, unbiased, correction, keepdim)
    return variance, _mean_over(input, dim, keepdim)


def std_mean(
    input: Tensor, dim=None, unbiased: bool | None = None, keepdim: bool = False, *, correction=None
) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean over dimensions: see :func:`std` and :func:`mean`.

    >>> import cnn_physics77 as torch
    >>> torch.std_mean(torch.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    deviation = _dispersion("std_mean", root, input, dim, unbiased, correction, keepdim)
    return deviation, _mean_over(input, dim, keepdim)


# --------------------------------------------------------------------------------------------- norms

_is_nonzero = unary(
    "is_nonzero",
    lambda x: (x != 0).astype(x.dtype),
    "1 where x is not 0, else 0: the 0-th power, with derivative 0",
    x=zero_like,
)


@completed
def vector_norm(x: Tensor, ord=2, dim=None, keepdim: bool = False, *, dtype=None) -> Tensor:
    r"""The norm of the vectors along dimensions (``linalg.vector_norm``).

    .. math:: \|x\|_p = \Big(\sum_i |x_i|^p\Big)^{1/p}, \qquad \|x\|_{\infty} = \max_i |x_i|, \qquad
        \|x\|_{-\infty} = \min_i |x_i|, \qquad \|x\|_0 = \#\{i : x_i \ne 0\}

    Args:
        x: floating or complex, of any shape.
        ord: p, any real number, or plus or minus infinity.
        dim: integer, several, or None for all.
        keepdim: whether to keep the reduced dimensions with size 1.
        dtype: the dtype to convert to first.

    The norm of complex x is real. The gradient is 0 where the norm is 0; equal maxima share it evenly.

    Raises:
        DtypeError: the input is neither floating nor complex.
        ShapeError: there is no such dimension, or it is empty and ``ord`` is infinite or negative.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([3.0, -4.0])
    >>> torch.linalg.vector_norm(x), torch.linalg.vector_norm(x, ord=1)
    (tensor(5.), tensor(7.))
    """
    x = as_tensor_input("vector_norm", x)
    if dtype is not None:
        x = convert(x, as_dtype("vector_norm", dtype))
    return norm_of_vectors("vector_norm", x, float(ord), dim, keepdim)


def norm_of_vectors(function: str, x: Tensor, p: float, dim, keepdim: bool) -> Tensor:
    """:func:`vector_norm`, for messages that name another function."""
    x = floating_input(function, x)
    dim = dimensions(function, dim, x.array.ndim)
    if p == 1:
        norm = sum(abs(x), dim, keepdim)
    elif p == 0:
        norm = sum(_is_nonzero(abs(x)), dim, keepdim)
    elif math.isinf(p):
        norm = (amax if p > 0 else amin)(abs(x), dim, keepdim)
    else:
        norm = _in_range(lambda x: _root_of_powers(x, p, dim, keepdim), x, *_root_bounds(p))
    return named(norm, "LinalgVectorNormBackward0")


def _root_of_powers(x: Tensor, p: float, dim, keepdim: bool) -> Tensor:
    if p == 2:
        squares = cast(x * conj(x), dtype=x.array.real.dtype) if x.array.dtype.kind == "c" else x * x
        return root(sum(squares, dim, keepdim))
    magnitude = abs(x)
    if p < 0:  # a zero makes the norm 0; the gradient is 0 there
        zero = from_array(x.array == 0)
        total = sum(where(zero, 1.0, magnitude) ** p, dim, keepdim)
        return where(any(zero, dim or None, keepdim), 0.0, total ** (1 / p))
    total = sum(_power_or_zero(magnitude, p), dim, keepdim)
    return _power_or_zero(total, 1 / p)


def _power_or_zero(x: Tensor, p: float) -> Tensor:
    """x^p for x >= 0 and p > 0, with derivatives 0 at 0."""
    zero = from_array(x.array == 0)
    return where(zero, 0.0, where(zero, 1.0, x) ** p)


__all__ = ["std", "std_mean", "var", "var_mean"]
