r"""Piecewise activation functions: relu and its variants, elu, hard and shrinking functions.

Each function states its derivative at its kinks, which is PyTorch's. Smooth activation functions are in
:mod:`.nn.activation_smooth`.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.autograd import LEAF
from cnn_physics77.core.autograd.ownership import is_temporary
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels import activation as kernels
from cnn_physics77.core.kernels import piecewise, selection
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.inplace_base import apply_inplace
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.comparison.comparison import gt
from cnn_physics77.core.operations.nn.activation_smooth import check_real
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp
from cnn_physics77.core.operations.pointwise.where_clamp import keep_where, where
from cnn_physics77.core.tensor import Tensor, method

# ------------------------------------------------------------------------------ relu


@operation(name="relu_gradient")
def _relu_gradient(g, result):
    """g where the result y > 0 (or is NaN), else 0"""
    return kernels.relu_gradient(g, result)


@_relu_gradient.derivative("g")
def _(v, result):
    return _relu_gradient(v, result)


@operation(name="relu")
def _relu(x, *, in_place=False):
    """y = max(x, 0). With ``in_place`` it overwrites x, which must not be used afterwards."""
    return kernels.relu(x, in_place) if x.dtype.kind == "f" else np.maximum(x, 0)


# As a function of y, the gradient is piecewise constant, so y has no derivative there.
@_relu.derivative("x")
def _(g, y):
    return _relu_gradient(g, y.detach())


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    r"""The rectified linear unit.

    .. math:: y = \max(x, 0), \qquad dy/dx = [x > 0]

    The derivative at 0 is 0. NaN stays NaN.

    Args:
        input: x, real.
        inplace: overwrite the input with y.

    Raises:
        DtypeError: a complex or boolean input.

    >>> import cnn_physics77 as torch
    >>> torch.relu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    if not isinstance(input, Tensor) or input.array.dtype.kind not in "fiu":
        found = input.dtype if isinstance(input, Tensor) else type(input).__name__
        raise DtypeError(
            f"relu: expected a tensor of real numbers, found {found}; convert it, e.g. with .float()"
        )
    if inplace:
        return apply_inplace("relu", input, _relu)
    if input.edge is not LEAF and is_temporary(input):  # as in relu(conv(x)), whose input no node saved
        return _relu(input, in_place=True)
    return _relu(input)


@method("relu")
def _(self):
    return relu(self)


@method("relu_")
def _(self):
    return relu(self, inplace=True)


# ------------------------------------------------------------------------------ leaky_relu and prelu


@operation(name="leaky_relu")
def _leaky_relu(x, *, slope):
    """y = x where x > 0, slope x elsewhere"""
    return piecewise.leaky_relu(x, slope) if slope > 0 else selection.where(x > 0, x, x * slope)


@_leaky_relu.derivative("x")
def _(g, x, slope):
    return where(x > 0, g, g * slope)


_leaky_relu_in_float32 = in_float32(_leaky_relu)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    r"""The rectified linear unit with a slope below zero.

    .. math:: y = x \text{ where } x > 0, \quad slope \cdot x \text{ elsewhere}

    The derivative at 0 is the slope.

    Args:
        input: x, real and floating.
        negative_slope: the slope for x < 0.
        inplace: overwrite the input with y.

    Raises:
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.leaky_relu(torch.tensor([-1.0, 2.0]), 0.5)
    tensor([-0.5000,  2.0000])
    """
    check_real("leaky_relu", input)
    if inplace:
        return apply_inplace("leaky_relu", input, _leaky_relu_in_float32, slope=negative_slope)
    return _leaky_relu_in_float32(input, slope=negative_slope)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    r"""The rectified linear unit with learned slopes below zero (K. He et al., arXiv:1502.01852).

    .. math:: y = x \text{ where } x > 0, \quad w \cdot x \text{ elsewhere}

    The derivative with respect to x at 0 is w.

    Args:
        input: x, real and floating.
        weight: w, either one slope, () or (1,), or one per channel, (C,). The channels are dimension 1 of x;
            a 0-d or 1-d x has one channel.

    Raises:
        ShapeError: the number of slopes is neither 1 nor that of the channels.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.prelu(torch.tensor([-1.0, 2.0]), torch.tensor([0.25]))
    tensor([-0.2500,  2.0000])
    """
    check_real("prelu", input)
    if not isinstance(weight, Tensor) or weight.array.dtype != input.array.dtype:
        found = weight.dtype if isinstance(weight, Tensor) else type(weight).__name__
        raise DtypeError(
            f"prelu: Type promoting not supported: expected a weight of {input.dtype}, found {found}"
        )
    if weight.array.ndim > 1:
        raise ShapeError(
            f"prelu: Expected weight to be a scalar or 1D tensor, found shape {weight.array.shape}"
        )
    if weight.array.size != 1:
        channels = input.array.shape[1] if input.array.ndim > 1 else 1
        if input.array.ndim == 0 or weight.array.size != channels:
            raise ShapeError(
                "prelu: Mismatch of parameter numbers and input channel size: expected one slope, or one for "
                f"each of the {channels} channels of the input {input.array.shape}, found weight "
                f"{weight.array.shape}"
            )
        weight = weight.reshape(-1, *(1,) * (input.array.ndim - 2))
    elif weight.array.ndim > input.array.ndim:
        weight = weight.reshape(())
    return where(gt(input, 0), input, weight * input)


# ------------------------------------------------------------------------------ exponential linear units

# elu, selu and celu: y = scale * x from 0 on, scale * alpha * (exp(rate x) - 1) below.


@operation(name="elu")
def _elu(x, *, alpha, scale, rate):
    return piecewise.elu(x, alpha, scale, rate)


@operation(name="elu_gradient")
def _elu_gradient(g, x, *, alpha, scale, rate):
    return piecewise.elu_gradient(g, x, alpha, scale, rate)


@_elu.derivative("x")
def _(g, x, alpha, scale, rate):
    return _elu_gradient(g, x, alpha=alpha, scale=scale, rate=rate)


@_elu_gradient.derivative("g")
def _(v, x, alpha, scale, rate):
    return _elu_gradient(v, x, alpha=alpha, scale=scale, rate=rate)


@_elu_gradient.derivative("x")
def _(v, g, x, alpha, scale, rate):
    # exp is computed for x < 0 only; above it may overflow. The derivative at 0 is 0.
    below = exp(where(x < 0, x, 0.0) * rate) * (alpha * scale * rate * rate)
    return keep_where(x.array < 0, v * g * below)


_elu_in_float32 = in_float32(_elu)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    r"""The exponential linear unit (D.-A. Clevert et al., arXiv:1511.07289).

    .. math:: y = x \text{ where } x > 0, \quad \alpha (e^x - 1) \text{ elsewhere}

    The derivative at 0 is α.

    Args:
        input: x, real and floating.
        alpha: α; the limit at -inf is -α.
        inplace: overwrite the input with y.

    Raises:
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.elu(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return _exponential("elu", input, inplace, alpha, 1.0, 1.0)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    r"""The scaled exponential linear unit (G. Klambauer et al., arXiv:1706.02515): λ times :func:`elu`.

    With α = 1.6732632423543772 and λ = 1.0507009873554805 it preserves mean 0 and variance 1 between layers.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.selu(torch.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return _exponential(
        "selu", input, inplace, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1.0
    )


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    r"""The continuously differentiable exponential linear unit (J. T. Barron, arXiv:1704.07483).

    .. math:: y = x \text{ where } x > 0, \quad \alpha (e^{x/\alpha} - 1) \text{ elsewhere}

    Raises:
        ZeroDivisionError: alpha is 0.
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.celu(torch.tensor([-1.0, 2.0]), alpha=2.0)
    tensor([-0.7869,  2.0000])
    """
    if alpha == 0:
        raise ZeroDivisionError("celu: alpha cannot be 0 for CELU; give another one")
    return _exponential("celu", input, inplace, alpha, 1.0, 1.0 / alpha)


def _exponential(
    function: str, input: Tensor, inplace: bool, alpha: float, scale: float, rate: float
) -> Tensor:
    check_real(function, input)
    if inplace:
        return apply_inplace(function, input, _elu_in_float32, alpha=alpha, scale=scale, rate=rate)
    return _elu_in_float32(input, alpha=alpha, scale=scale, rate=rate)


# ------------------------------------------------------------------------------ hard functions


@operation(name="hardtanh")
def _hardtanh(x, *, low, high):
    """y = min(max(x, low), high)"""
    return piecewise.limited(x, low, high)


@_hardtanh.derivative("x")
def _(g, x, low, high):
    return keep_where(~((x.array <= low) | (x.array >= high)), g)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    r"""The identity, limited to an interval.

    .. math:: y = \min(\max(x, min), max), \qquad dy/dx = [min < x < max]

    Args:
        input: x, real.
        min_val, max_val: the bounds; the derivative there is 0.
        inplace: overwrite the input with y.

    Raises:
        ArgumentError: min_val > max_val, or min_val < 0 for unsigned integers.
        DtypeError: the input is complex or boolean.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.hardtanh(torch.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    check_tensors("hardtanh", input, kinds="fiu")
    if input.array.dtype.kind == "u" and min_val < 0:
        raise ArgumentError(f"hardtanh: expected min_val of at least 0 for {input.dtype}, found {min_val}")
    if min_val > max_val:
        raise ArgumentError(
            f"hardtanh: min_val cannot be greater than max_val, found {min_val} and {max_val}"
        )
    if inplace:
        return apply_inplace("hardtanh", input, _hardtanh, low=min_val, high=max_val)
    return _hardtanh(input, low=min_val, high=max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """The rectified linear unit, limited to 6: y = min(max(x, 0), 6), dy/dx = [0 < x < 6].

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.relu6(torch.tensor([-1.0, 3.0, 7.0]))
    tensor([0., 3., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


@operation(name="hardsigmoid")
def _hardsigmoid(x):
    """y = min(max(x + 3, 0), 6) / 6"""
    return piecewise.hard_sigmoid(x)


@_hardsigmoid.derivative("x")
def _(g, x):
    return keep_where((x.array > -3) & (x.array < 3), g / 6)


_hardsigmoid_in_float32 = in_float32(_hardsigmoid)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    r"""The piecewise linear sigmoid.

    .. math:: y = \min(\max(x + 3, 0), 6) / 6, \qquad dy/dx = [-3 < x < 3] / 6

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.hardsigmoid(torch.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    check_real("hardsigmoid", input)
    function = _hardsigmoid_in_float32
    return apply_inplace("hardsigmoid", input, function) if inplace else function(input)


@operation(name="hardswish")
def _hardswish(x):
    """y = x min(max(x + 3, 0), 6) / 6"""
    return piecewise.hard_swish(x)


@_hardswish.derivative("x")
def _(g, x):
    return where(x <= -3, 0.0, where(x < 3, g * (x / 3 + 0.5), g))


_hardswish_in_float32 = in_float32(_hardswish)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    r"""The swish with the hard sigmoid (A. Howard et al., arXiv:1905.02244).

    .. math:: y = x \min(\max(x + 3, 0), 6) / 6

    The derivative is 0 up to -3, x/3 + 1/2 up to 3, and 1 above 3.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.hardswish(torch.tensor([-2.0, 1.0, 4.0]))
    tensor([-0.3333,  0.6667,  4.0000])
    """
    check_real("hardswish", input)
    function = _hardswish_in_float32
    return apply_inplace("hardswish", input, function) if inplace else function(input)


# ------------------------------------------------------------------------------ thresholds


@operation(name="threshold")
def _threshold(x, *, threshold, value):
    """y = value where x <= threshold, x elsewhere"""
    return selection.where(x <= threshold, x.dtype.type(value), x)


@_threshold.derivative("x")
def _(g, x, threshold):
    return keep_where(~(x.array <= threshold), g)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    r"""Replace elements that are not above a threshold.

    .. math::
        y = x \text{ where } x > threshold, \quad value \text{ elsewhere}, \qquad dy/dx = [x > threshold]

    NaN stays NaN.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.threshold(torch.tensor([0.0, 1.0, 2.0]), 1.0, 20.0)
    tensor([20., 20.,  2.])
    """
    check_tensors("threshold", input, kinds="fiu")
    if inplace:
        return apply_inplace("threshold", input, _threshold, threshold=threshold, value=value)
    return _threshold(input, threshold=threshold, value=value)


@operation(name="softshrink")
def _softshrink(x, *, lambd):
    """y = x - λ above λ, x + λ below -λ, 0 otherwise"""
    return piecewise.soft_shrink(x, lambd)


@operation(name="hardshrink")
def _hardshrink(x, *, lambd):
    """y = 0 for |x| <= λ, x elsewhere"""
    return selection.keep(x, ~(np.abs(x) <= lambd))


@_softshrink.derivative("x")
@_hardshrink.derivative("x")
def _(g, x, lambd):
    return keep_where(~(np.abs(x.array) <= lambd), g)


@method("hardshrink")
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    r"""Set small elements to zero.

    .. math:: y = x \text{ where } |x| > \lambda, \quad 0 \text{ elsewhere}, \qquad dy/dx = [|x| > \lambda]

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.hardshrink(torch.tensor([-1.0, 0.5, 2.0]))
    tensor([-1.,  0.,  2.])
    """
    check_real("hardshrink", input)
    return _hardshrink(input, lambd=lambd)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    r"""Shrink towards zero by λ.

    .. math::
        y = x - \lambda \text{ above } \lambda, \quad x + \lambda \text{ below } -\lambda, \quad
        0 \text{ otherwise}, \qquad dy/dx = [|x| > \lambda]

    Raises:
        ArgumentError: λ is negative, NaN, or above the range of the dtype.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.softshrink(torch.tensor([-1.0, 0.5, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    check_real("softshrink", input)
    most = float(np.finfo(input.array.dtype).max)
    if not 0 <= lambd <= most:
        raise ArgumentError(
            f"softshrink: lambda must be in range [0, {most:g}] for input dtype {input.dtype}, but found "
            f"{lambd}"
        )
    return _softshrink(input, lambd=lambd)


__all__ = [
    "celu",
    "elu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "softshrink",
    "threshold",
]
