r"""Normalization of batches, groups, instances, layers and vectors.

All but the last have the same form, with mean and variance over some of the dimensions:

.. math:: z = \frac{x - \mathrm{mean}(x)}{\sqrt{\mathrm{var}(x) + \epsilon}}, \qquad y = z w + b

Kernels compute y and its gradients in a few passes over memory. The gradient is an operation of its own,
whose derivative is computed with plain operations (see :mod:`.base.double_backward`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cnn_physics77.core.backend.dtypes import accumulator
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels import normalization as kernels
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.broadcasting import cast
from cnn_physics77.core.operations.base.double_backward import double_backward
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.clone import clone
from cnn_physics77.core.operations.indexing.pad import pad
from cnn_physics77.core.operations.nn.pooling import avg_pool2d
from cnn_physics77.core.operations.pointwise.exp_log_pow import rsqrt, square
from cnn_physics77.core.operations.pointwise.where_clamp import clamp_min
from cnn_physics77.core.operations.reduction.var_std_norm import vector_norm
from cnn_physics77.core.tensor import Tensor, from_array


def _standardized(x: Tensor, dims, eps: float) -> Tensor:
    """z, with plain operations."""
    centred = x - x.mean(dims, keepdim=True)
    return centred * rsqrt(square(centred).mean(dims, keepdim=True) + eps)


def _over_channels(w: Tensor, x: Tensor) -> Tensor:
    """One number per channel, in the shape that broadcasts over x (N, C, ...)."""
    return w.reshape(-1, *(1,) * (x.ndim - 2))


def _gradients_again(
    y: Callable, gs, needed, g: Tensor, x: Tensor, weight: Tensor | None, shape: tuple[int, ...]
):
    """The derivatives of the gradients of y(x, w, b) with respect to g, x and w; w and b have ``shape``."""
    w = from_array(np.ones(shape, x.dtype)) if weight is None else weight
    b = from_array(np.zeros(shape, x.dtype))
    return double_backward(y, g, (x, w, b), gs, (*needed[:3], False))[:3]


def _check(
    function: str, input: Tensor, weight: Tensor | None, bias: Tensor | None, *statistics: Tensor | None
) -> None:
    check_tensors(function, input, weight, bias, *statistics)
    if input.array.dtype.kind != "f":
        raise DtypeError(
            f"{function}: expected a real floating dtype, found {input.dtype}; convert the input"
        )


# ------------------------------------------------------------------------------ batches


@operation(name="batch_norm", extras=("mean", "invstd", "var"))
def _batch_norm(x, weight, bias, running_mean, running_var, *, training, eps):
    """y = (x - mean) / sqrt(var + ε) w + b, per channel"""
    return kernels.batch_norm_forward(x, weight, bias, running_mean, running_var, training, eps)


@operation(name="batch_norm_gradient")
def _batch_norm_gradient(g, x, weight, mean, invstd, *, training, eps):
    """[x̄, w̄, b̄]"""
    return list(kernels.batch_norm_gradient(g, x, weight, mean, invstd, training))


@_batch_norm.joint_derivative
def _(g, needed, x, weight, mean, invstd, training, eps):
    return [*_batch_norm_gradient(g, x, weight, mean, invstd, training=training, eps=eps), None, None]


@_batch_norm_gradient.joint_derivative
def _(gs, needed, g, x, weight, mean, invstd, training, eps):
    def y(x, w, b):
        if training:
            z = _standardized(x, (0, *range(2, x.ndim)), eps)
        else:
            z = (x - _over_channels(mean, x)) * _over_channels(invstd, x)
        return z * _over_channels(w, x) + _over_channels(b, x)

    return [*_gradients_again(y, gs, needed, g, x, weight, x.shape[1:2]), None, None]


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    r"""Normalize each channel over the batch (S. Ioffe and C. Szegedy, arXiv:1502.03167).

    .. math:: y = \frac{x - m}{\sqrt{v + \epsilon}} \, w + b

    In training, m and v are the mean and the (biased) variance of each channel over samples and pixels. The
    running statistics are updated in place with the mean and the unbiased variance:
    running = (1 - momentum) running + momentum new. An empty batch does not change them. In evaluation, m and
    v are the running statistics.

    Args:
        input: x, (N, C, ...), floating.
        running_mean, running_var: (C,); in training they may be None.
        weight, bias: w and b, (C,); None for 1 and 0.
        training: whether to use the statistics of the batch.
        momentum: the weight of the batch in the running statistics.
        eps: ε.

    Returns:
        y, of x's shape and dtype.

    Raises:
        ArgumentError: one value per channel in training; or eps is negative, or 0 in training.
        ShapeError: vectors do not fit the channels, or running statistics are missing.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> torch.nn.functional.batch_norm(x, None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    _check("batch_norm", input, weight, bias, running_mean, running_var)
    if input.array.shape == (0,):  # no samples, no channels
        return clone(input)
    if training:
        _check_several("batch_norm", input)
    if eps < 0 or (training and eps == 0):
        wanted = "positive during training" if training else "non-negative"
        raise ArgumentError(f"batch_norm: eps must be {wanted}, but got {eps}")
    y, mean, var = _normalized_batch(input, running_mean, running_var, weight, bias, training, eps)
    if training and input.array.size:
        count = input.array.size // input.array.shape[1]
        _update(running_mean, mean.array, momentum)
        _update(running_var, var.array, momentum, count / max(count - 1, 1))
    return y


@in_float32
def _normalized_batch(x, running_mean, running_var, weight, bias, training, eps):
    y, mean, _, var = _batch_norm(x, weight, bias, running_mean, running_var, training=training, eps=eps)
    return y, mean, var


def _check_several(function: str, input: Tensor) -> None:
    if input.ndim < 2:
        raise ShapeError(
            f"{function}: expected an input (N, C, ...), found shape {input.array.shape}; add a dimension"
        )
    if input.array.shape[0] * math.prod(input.array.shape[2:]) == 1:
        raise ArgumentError(
            f"{function}: Expected more than 1 value per channel when training, got input size "
            f"{input.array.shape}; use larger batches, or eval mode"
        )


@silent
def _update(running: Tensor | None, new: np.ndarray, momentum: float, factor: float = 1.0) -> None:
    if running is not None:
        wide = accumulator(running.array.dtype)
        old = running.array.astype(wide, copy=False) * (1 - momentum)
        running.array[...] = old + momentum * (new.astype(wide, copy=False) * factor)
        running.mark_changed()


# ------------------------------------------------------------------------------ groups and instances


@operation(name="group_norm", extras=("mean", "invstd"))
def _group_norm(x, weight, bias, *, groups, eps):
    """y = (x - mean) / sqrt(var + ε) w + b, per sample and group of channels"""
    return kernels.group_norm_forward(x, groups, weight, bias, eps)


@operation(name="group_norm_gradient")
def _group_norm_gradient(g, x, weight, mean, invstd, *, groups, eps):
    """[x̄, w̄, b̄]"""
    return list(kernels.group_norm_gradient(g, x, groups, weight, mean, invstd))


@_group_norm.joint_derivative
def _(g, needed, x, weight, mean, invstd, groups, eps):
    return _group_norm_gradient(g, x, weight, mean, invstd, groups=groups, eps=eps)


@_group_norm_gradient.joint_derivative
def _(gs, needed, g, x, weight, groups, eps):
    def y(x, w, b):
        each = x.reshape(x.shape[0], groups, math.prod(x.shape[1:]) // groups)
        z = _standardized(each, 2, eps).reshape(x.shape)
        return z * _over_channels(w, x) + _over_channels(b, x)

    return [*_gradients_again(y, gs, needed, g, x, weight, x.shape[1:2]), None, None]


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    r"""Normalize each sample over groups of channels (Y. Wu and K. He, arXiv:1803.08494).

    .. math:: y = \frac{x - m}{\sqrt{v + \epsilon}} \, w + b

    m and v are the mean and the (biased) variance over the pixels and channels of each group.

    Args:
        input: x, (N, C, ...), floating.
        num_groups: a divisor of C.
        weight, bias: w and b, (C,); None for 1 and 0.
        eps: ε.

    Raises:
        ArgumentError: there is one sample with one value per group.
        ShapeError: num_groups does not divide the channels, or vectors do not fit them.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.group_norm(torch.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    _check("group_norm", input, weight, bias)
    if input.ndim < 2:
        raise ShapeError(
            f"group_norm: Expected at least 2 dimensions for input tensor but received {input.ndim}"
        )
    if num_groups > 0 and input.array.size == num_groups:
        raise ArgumentError(
            "group_norm: Expected more than 1 value per channel when training, got input size "
            f"{input.array.shape} and num_groups {num_groups}; use fewer groups"
        )
    return _in_groups(input, weight, bias, num_groups, eps)


@in_float32
def _in_groups(x: Tensor, weight: Tensor | None, bias: Tensor | None, groups: int, eps: float) -> Tensor:
    y, _, _ = _group_norm(x, weight, bias, groups=groups, eps=eps)
    return y


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    r"""Normalize each channel of each sample over its pixels (D. Ulyanov et al., arXiv:1607.08022).

    .. math:: y = \frac{x - m}{\sqrt{v + \epsilon}} \, w + b

    m and v are the mean and the (biased) variance of the pixels, or the running statistics.

    Args:
        input: x, (N, C, ...), floating.
        running_mean, running_var: (C,). With ``use_input_stats`` they may be None; if given, they are updated
            in place with the averages over the batch of the means and the unbiased variances.
        weight, bias: w and b, (C,); None for 1 and 0.
        use_input_stats: whether to use the statistics of the input instead of the running ones.
        momentum: the weight of the batch in the running statistics.
        eps: ε.

    Raises:
        ArgumentError: there is only one pixel.
        ShapeError: vectors do not fit the channels, or running statistics are missing.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.instance_norm(torch.tensor([[[1.0, 3.0], [10.0, 30.0]]]))
    tensor([[[-1.0000,  1.0000],
             [-1.0000,  1.0000]]])
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    _check("instance_norm", input, weight, bias, running_mean, running_var)
    if input.ndim < 2:
        raise ShapeError(
            f"instance_norm: expected an input (N, C, ...), found shape {input.array.shape}; add a dimension"
        )
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ArgumentError(
            "instance_norm: Expected more than 1 spatial element when training, got input size "
            f"{input.array.shape}; use larger images"
        )
    y = _in_groups(input, weight, bias, input.shape[1], eps)
    if running_mean is not None or running_var is not None:
        pixels = tuple(range(2, input.ndim))
        x = input.array.astype(accumulator(input.array.dtype), copy=False)
        _update(running_mean, x.mean(axis=(0, *pixels)), momentum)
        _update(running_var, x.var(axis=pixels, ddof=1).mean(axis=0), momentum)
    return y


# ------------------------------------------------------------------------------ layers


@operation(name="layer_norm", extras=("mean", "invstd"))
def _layer_norm(x, weight, bias, *, shape, eps):
    """y = (x - mean) / sqrt(var + ε) w + b, over the last dimensions"""
    return kernels.layer_norm_forward(x, shape, weight, bias, eps)


@operation(name="layer_norm_gradient")
def _layer_norm_gradient(g, x, weight, mean, invstd, *, shape, eps):
    """[x̄, w̄, b̄]"""
    return list(kernels.layer_norm_gradient(g, x, shape, weight, mean, invstd))


@_layer_norm.joint_derivative
def _(g, needed, x, weight, mean, invstd, shape, eps):
    return _layer_norm_gradient(g, x, weight, mean, invstd, shape=shape, eps=eps)


@_layer_norm_gradient.joint_derivative
def _(gs, needed, g, x, weight, shape, eps):
    def y(x, w, b):
        return _standardized(x, tuple(range(-len(shape), 0)), eps) * w + b

    return [*_gradients_again(y, gs, needed, g, x, weight, shape), None, None]


def _last_sizes(function: str, input: Tensor, normalized_shape, **vectors: Tensor | None) -> tuple[int, ...]:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"{function}: Given normalized_shape={list(shape)}, expected input with shape [*, "
            f"{', '.join(map(str, shape))}], but got input of size {input.array.shape}; give the sizes of "
            "the last dimensions"
        )
    for name, vector in vectors.items():
        if vector is not None and vector.shape != shape:
            raise ShapeError(
                f"{function}: Expected {name} to be of same shape as normalized_shape, but got {name} of "
                f"shape {vector.array.shape} and normalized_shape = {shape}"
            )
    return shape


@in_float32
def layer_norm(
    input: Tensor,
    normalized_shape,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    r"""Normalize over the last dimensions (J. L. Ba et al., arXiv:1607.06450).

    .. math:: y = \frac{x - m}{\sqrt{v + \epsilon}} \, w + b

    m and v are the mean and the (biased) variance over the last dimensions.

    Args:
        input: x, (..., *normalized_shape), floating.
        normalized_shape: the sizes of the last dimensions; an int for one.
        weight, bias: w and b, of that shape; None for 1 and 0.
        eps: ε.

    Raises:
        ShapeError: the shapes do not fit.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.layer_norm(torch.tensor([[1.0, 3.0], [10.0, 30.0]]), (2,))
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """
    _check("layer_norm", input, weight, bias)
    shape = _last_sizes("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    y, _, _ = _layer_norm(input, weight, bias, shape=shape, eps=eps)
    return y


@in_float32
def rms_norm(
    input: Tensor, normalized_shape, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    r"""Divide by the root of the mean square over the last dimensions (B. Zhang and R. Sennrich,
    arXiv:1910.07467).

    .. math:: y = \frac{x}{\sqrt{\mathrm{mean}(x^2) + \epsilon}} \, w

    Args:
        input: x, (..., *normalized_shape), floating or complex (with x², not |x|²).
        normalized_shape: the sizes of the last dimensions; an int for one.
        weight: w, of that shape, of any dtype; None for 1.
        eps: ε; None for the machine epsilon of the dtype (that of float32 for float16).

    Raises:
        ShapeError: the shapes do not fit.
        DtypeError: the input is neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.rms_norm(torch.tensor([[1.0, 7.0]]), (2,))
    tensor([[0.2000, 1.4000]])
    """
    check_tensors("rms_norm", input)
    shape = _last_sizes("rms_norm", input, normalized_shape, weight=weight)
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    y = input * rsqrt(square(input).mean(tuple(range(-len(shape), 0)), keepdim=True) + eps)
    if weight is None:
        return y
    y = y * weight
    return y if y.array.dtype == input.array.dtype else cast(y, dtype=input.array.dtype)


# ------------------------------------------------------------------------------ vectors


@in_float32
def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    r"""Divide vectors by their norms.

    .. math:: y = \frac{x}{\max(\|x\|_p, \epsilon)}

    Args:
        input: x, floating or complex, of any shape.
        p: the order of the norm.
        dim: the dimension, or dimensions, of the vectors.
        eps: ε, the smallest norm.

    Raises:
        ShapeError: there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.normalize(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    check_tensors("normalize", input)
    return input / clamp_min(vector_norm(input, p, dim, True), eps)


@in_float32
def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    r"""Divide by the activity of neighbouring channels (A. Krizhevsky et al., 2012, section 3.3).

    .. math::
        y_c = x_c \Big(k + \frac{\alpha}{n}
        \sum_{c' = c - \lfloor n/2 \rfloor}^{c + \lfloor (n-1)/2 \rfloor} x_{c'}^2\Big)^{-\beta}

    Args:
        input: x, (N, C, ...) with at least one spatial dimension, not bool. Of integers the mean of squares
            is rounded down, and the result is of the default dtype.
        size: n, the number of channels in the sum; channels out of range count as 0.
        alpha, beta, k: see the formula.

    Raises:
        ArgumentError: there are fewer than three dimensions.
        DtypeError: booleans.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.local_response_norm(torch.ones(1, 2, 1), 2, alpha=1.0, beta=1.0)
    tensor([[[0.6667],
             [0.5000]]])
    """
    check_tensors("local_response_norm", input, kinds="fciu")
    if input.ndim < 3:
        message = f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions); use (N, C, ...)"
        raise ArgumentError(f"local_response_norm: {message}")
    if input.array.size == 0:
        return input
    wide = input.long() if input.array.dtype.kind in "iu" else input  # for the squares
    planes = square(wide).reshape(input.shape[0], 1, input.shape[1], -1)
    activity = avg_pool2d(pad(planes, (0, 0, size // 2, (size - 1) // 2)), (size, 1), stride=1)
    return input / (activity.reshape(input.shape) * alpha + k) ** beta


__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "normalize",
    "rms_norm",
]
