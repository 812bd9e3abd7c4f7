r"""Activation functions that draw random numbers from the default generator; :func:`manual_seed` seeds it."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ArgumentError
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.inplace_base import apply_inplace
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn.activation_piecewise import leaky_relu
from cnn_physics77.core.operations.nn.softmax import softmax
from cnn_physics77.core.random import default_generator
from cnn_physics77.core.tensor import Tensor, from_array


@operation(name="rrelu")
def _rrelu(x, slopes):
    """y = x where x > 0, slope x elsewhere; the slopes there are 1"""
    return x * slopes


@_rrelu.derivative("x")
def _(g, slopes):
    return g * slopes


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    r"""The leaky rectified linear unit with random slopes (B. Xu et al., arXiv:1505.00853).

    .. math:: y = x \text{ where } x > 0, \quad a x \text{ elsewhere}

    In training, each a is uniform on [lower, upper); otherwise a = (lower + upper) / 2.

    Args:
        input: x, real and floating.
        lower, upper: the bounds of a.
        training: whether to draw slopes.
        inplace: overwrite the input with y.

    Raises:
        ArgumentError: lower is larger than upper.
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.rrelu(torch.tensor([-4.0, 2.0]), 0.2, 0.3)
    tensor([-1.,  2.])
    """
    check_tensors("rrelu", input, kinds="f")
    if lower > upper:
        raise ArgumentError(
            f"rrelu: Lower bound should be less than or equal to the upper bound, found {lower} and {upper}"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    x = input.array
    negative = x <= 0
    slopes = np.ones_like(x)
    slopes[negative] = default_generator.numpy.random(int(negative.sum())) * (upper - lower) + lower
    return (
        apply_inplace("rrelu", input, _rrelu, from_array(slopes))
        if inplace
        else _rrelu(input, from_array(slopes))
    )


@in_float32
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    r"""A sample from a softened categorical distribution (E. Jang et al., arXiv:1611.01144; C. Maddison et
    al., arXiv:1611.00712).

    .. math:: y = \mathrm{softmax}\left(\frac{x + g}{\tau}\right), \qquad g = -\log(-\log u),
        \quad u \sim U(0, 1)

    For τ → 0, y is a one-hot vector, of class i with probability softmax(x)ᵢ.

    Args:
        logits: x, floating, of any shape.
        tau: τ > 0.
        hard: whether the result is that one-hot vector, with the derivative of y.
        eps: deprecated, without effect.
        dim: the dimension of the classes.

    Raises:
        ShapeError: there is no such dimension.
        DtypeError: the logits are not floating.

    >>> import cnn_physics77 as torch
    >>> _ = torch.manual_seed(0)
    >>> y = torch.nn.functional.gumbel_softmax(torch.tensor([[0.0, 9.0]]).expand(1000, 2), hard=True)
    >>> y.sum(0)[1] > 990
    tensor(True)
    """
    if eps != 1e-10:
        warn("`eps` parameter is deprecated and has no effect.")
    check_tensors("gumbel_softmax", logits, kinds="f")
    x = logits.array
    exponential = as_array(default_generator.numpy.standard_exponential(x.shape)).astype(x.dtype)
    noise = from_array(-np.log(np.maximum(exponential, np.finfo(x.dtype).tiny)))
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    best = soft.array.argmax(axis=dim, keepdims=True)
    one_hot = np.zeros_like(soft.array)
    np.put_along_axis(one_hot, best, 1, dim)
    return from_array(one_hot) - soft.detach() + soft


__all__ = ["gumbel_softmax", "rrelu"]
complete_late(__name__)
