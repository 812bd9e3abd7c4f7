r"""Smooth activation functions: sigmoid, softplus, silu, mish, gelu, and others. Piecewise ones are in
:mod:`.nn.activation_piecewise`.

Where a kernel computes :math:`\bar y f'(x)` in one pass, that gradient is an operation of its own. It is
linear in :math:`\bar y`, so its derivative with respect to :math:`\bar y` is the same operation; its
derivative with respect to x is :math:`v \bar y f''(x)`.
"""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.kernels import activation as kernels
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.elementwise import unary
from cnn_physics77.core.operations.base.inplace_base import apply_inplace
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.pointwise.arithmetic import conj
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp, square
from cnn_physics77.core.operations.pointwise.trigonometric import tanh
from cnn_physics77.core.operations.pointwise.where_clamp import keep_where
from cnn_physics77.core.tensor import Tensor, method


def check_real(function: str, input: Tensor) -> None:
    """Raise a DtypeError unless the input is a tensor of a real floating dtype."""
    check_tensors(function, input, kinds="f")


# ------------------------------------------------------------------------------ sigmoid


def _sigmoid_of_complex(x):
    return 1 / (1 + np.exp(-x))


sigmoid = unary(
    "sigmoid",
    lambda x: kernels.sigmoid(x) if x.dtype.kind == "f" else _sigmoid_of_complex(x),
    r"""The logistic function.

    .. math:: y = \frac{1}{1 + e^{-x}}, \qquad dy/dx = y (1 - y)

    The tensor is floating or complex; integers become the default dtype. The limits are 0 and 1.

    >>> import cnn_physics77 as torch
    >>> torch.sigmoid(torch.tensor([0.0, 100.0, -1000.0]))
    tensor([0.5000, 1.0000, 0.0000])
    """,
    x=lambda g, y: g * conj(y * (1 - y)),
)
method("sigmoid")(sigmoid)

_logsigmoid = in_float32(
    unary("logsigmoid", kernels.log_sigmoid, "log sigmoid", x=lambda g, x: g * sigmoid(-x))
)


def logsigmoid(input: Tensor) -> Tensor:
    r"""The logarithm of the sigmoid.

    .. math:: y = \log \frac{1}{1 + e^{-x}}, \qquad dy/dx = \frac{1}{1 + e^x}

    Raises:
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.logsigmoid(torch.tensor([0.0, -1000.0]))
    tensor([-6.9315e-01, -1.0000e+03])
    """
    check_real("logsigmoid", input)
    return _logsigmoid(input)


# ------------------------------------------------------------------------------ softplus


@operation(name="softplus")
def _softplus(x, *, beta, threshold):
    """y = log(1 + exp(βx)) / β, x above the threshold"""
    return kernels.softplus(x, beta, threshold)


@operation(name="softplus_gradient")
def _softplus_gradient(g, x, *, beta, threshold):
    """g sigmoid(βx), g above the threshold"""
    return kernels.softplus_gradient(g, x, beta, threshold)


@_softplus.derivative("x")
def _(g, x, beta, threshold):
    return _softplus_gradient(g, x, beta=beta, threshold=threshold)


@_softplus_gradient.derivative("g")
def _(v, x, beta, threshold):
    return _softplus_gradient(v, x, beta=beta, threshold=threshold)


@_softplus_gradient.derivative("x")
def _(v, g, x, beta, threshold):
    s = sigmoid(x * beta)
    return keep_where(~(x.array * beta > threshold), v * g * (s * (1 - s) * beta))


@in_float32
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    r"""A smooth form of the rectified linear unit.

    .. math:: y = \frac{1}{\beta} \log(1 + e^{\beta x}), \qquad dy/dx = \frac{1}{1 + e^{-\beta x}}

    Args:
        input: x, real and floating.
        beta: β; the larger it is, the sharper the bend.
        threshold: if βx exceeds it, y = x and dy/dx = 1.

    Raises:
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.softplus(torch.tensor([0.0, 1000.0]))
    tensor([6.9315e-01, 1.0000e+03])
    """
    check_real("softplus", input)
    return _softplus(input, beta=beta, threshold=threshold)


# ------------------------------------------------------------------------------ silu and mish


@operation(name="silu")
def _silu(x):
    """y = x sigmoid(x)"""
    return kernels.silu(x)


@operation(name="silu_gradient")
def _silu_gradient(g, x):
    """g s (1 + x (1 - s)), s = sigmoid(x)"""
    return kernels.silu_gradient(g, x)


@_silu.derivative("x")
def _(g, x):
    return _silu_gradient(g, x)


@_silu_gradient.derivative("g")
def _(v, x):
    return _silu_gradient(v, x)


@_silu_gradient.derivative("x")
def _(v, g, x):
    s = sigmoid(x)
    return v * g * (s * (1 - s) * (2 + x * (1 - 2 * s)))


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    r"""The sigmoid linear unit, also called swish (S. Elfwing et al., arXiv:1702.03118).

    .. math:: y = x \, \sigma(x), \qquad dy/dx = \sigma(x) (1 + x (1 - \sigma(x)))

    Args:
        input: x, floating or complex.
        inplace: overwrite the input with y.

    Raises:
        DtypeError: the input is neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.silu(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.0000,  0.7311])
    """
    check_tensors("silu", input)
    function = _real_silu if input.array.dtype.kind == "f" else _complex_silu
    return apply_inplace("silu", input, function) if inplace else function(input)


_real_silu = in_float32(_silu)


def _complex_silu(x: Tensor) -> Tensor:
    return x * sigmoid(x)


def _mish_forward(x: np.ndarray) -> np.ndarray:
    return x * np.tanh(kernels.softplus(x))


def _mish_slope(x: np.ndarray) -> np.ndarray:
    t = np.tanh(kernels.softplus(x))
    return t + x * kernels.sigmoid(x) * (1 - t * t)


def _mish_curvature(x: Tensor) -> Tensor:
    # With s = sigmoid(x), t = tanh(softplus(x)) and t' = s (1 - t²):
    # f' = t + x t', f'' = 2 t' + x t'', t'' = t' (1 - s - 2 t s).
    s, t = sigmoid(x), tanh(softplus(x))
    slope = s * (1 - square(t))
    return slope * (2 + x * (1 - s - 2 * t * s))


_slope_of_mish = unary("mish_slope", _mish_slope, "d mish / dx", x=lambda g, x: g * _mish_curvature(x))
_mish = in_float32(unary("mish", _mish_forward, "x tanh(softplus(x))", x=lambda g, x: g * _slope_of_mish(x)))


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    r"""The mish (D. Misra, arXiv:1908.08681).

    .. math:: y = x \tanh(\log(1 + e^x))

    Args:
        input: x, real and floating.
        inplace: overwrite the input with y.

    Raises:
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.mish(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.3034,  0.0000,  0.8651])
    """
    check_real("mish", input)
    return apply_inplace("mish", input, _mish) if inplace else _mish(input)


# ------------------------------------------------------------------------------ gelu


@operation(name="gelu")
def _gelu(x, *, approximate):
    """y = x Φ(x)"""
    return kernels.gelu(x, approximate)


@operation(name="gelu_gradient")
def _gelu_gradient(g, x, *, approximate):
    """g (Φ(x) + x φ(x))"""
    return kernels.gelu_gradient(g, x, approximate)


@_gelu.derivative("x")
def _(g, x, approximate):
    return _gelu_gradient(g, x, approximate=approximate)


@_gelu_gradient.derivative("g")
def _(v, x, approximate):
    return _gelu_gradient(v, x, approximate=approximate)


@_gelu_gradient.derivative("x")
def _(v, g, x, approximate):
    if approximate == "none":  # φ' = -x φ
        return v * g * (2 - square(x)) * exp(square(x) * -0.5) * (1 / sqrt(2 * pi))
    # With u = s (x + c x³) and t = tanh u: f = x (1 + t) / 2, f'' = t' + x t'' / 2,
    # t' = (1 - t²) u', t'' = (1 - t²) (u'' - 2 t u'²).
    s, c = sqrt(2 / pi), 0.044715
    t = tanh(s * (x + c * x * square(x)))
    first = s * (1 + 3 * c * square(x))
    return v * g * (1 - square(t)) * (first + x * (6 * s * c * x - 2 * t * square(first)) * 0.5)


@in_float32
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    r"""The Gaussian error linear unit (D. Hendrycks and K. Gimpel, arXiv:1606.08415).

    .. math:: y = x \, \Phi(x) = \frac{x}{2} \left(1 + \operatorname{erf} \frac{x}{\sqrt 2}\right)

    Args:
        input: x, real and floating.
        approximate: ``"none"``; or ``"tanh"`` for
            :math:`y = \frac{x}{2} (1 + \tanh(\sqrt{2/\pi} \, (x + 0.044715 x^3)))`.

    Raises:
        DtypeError: the input is not real and floating.
        ArgumentError: another ``approximate``.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.gelu(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    check_real("gelu", input)
    if approximate not in ("none", "tanh"):
        raise ArgumentError(f"gelu: expected approximate argument 'none' or 'tanh', found {approximate!r}")
    return _gelu(input, approximate=approximate)


# ------------------------------------------------------------------------------ others


@in_float32
def softsign(input: Tensor) -> Tensor:
    r"""The softsign.

    .. math:: y = \frac{x}{1 + |x|}, \qquad dy/dx = \frac{1}{(1 + |x|)^2}

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.softsign(torch.tensor([-1.0, 0.0, 3.0]))
    tensor([-0.5000,  0.0000,  0.7500])
    """
    check_tensors("softsign", input, kinds="fciu")
    return input / (1 + input.abs())


@in_own_name
def tanhshrink(input: Tensor) -> Tensor:
    r"""The difference :math:`y = x - \tanh x`, with :math:`dy/dx = \tanh^2 x`.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.tanhshrink(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2384,  0.0000,  0.2384])
    """
    return input - tanh(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    r"""The gated linear unit (Y. Dauphin et al., arXiv:1612.08083).

    .. math:: y = a \, \sigma(b), \qquad \text{where a and b are the halves of x along } dim

    Args:
        input: x, floating, with an even size along ``dim``.

    Returns:
        y, with half the size along ``dim``.

    Raises:
        ShapeError: the input is 0-d, there is no such dimension, or its size is odd.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.glu(torch.tensor([3.0, 0.0]))
    tensor([1.5000])
    """
    if input.array.ndim == 0:
        raise ShapeError(
            "glu: glu does not support 0-dimensional tensors; give one whose halves are value and gate"
        )
    dim = dimension("glu", dim, input.array.ndim)
    size = input.array.shape[dim]
    if size % 2:
        raise ShapeError(
            f"glu: Halving dimension must be even, but dimension {dim} is size {size}, of shape "
            f"{input.array.shape}"
        )
    half = (slice(None),) * dim
    return input[(*half, slice(0, size // 2))] * sigmoid(input[(*half, slice(size // 2, None))])


__all__ = [
    "gelu",
    "glu",
    "logsigmoid",
    "mish",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "tanhshrink",
]
