"""Batch normalization of evaluation mode, merged into the layer before it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import Parameter
from cnn_physics77.core.recording import no_grad
from cnn_physics77.core.tensor import Tensor

M = TypeVar("M", bound=Module)


@no_grad()
def _fuse(
    weight: Tensor,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    eps: float,
    scale: Tensor | None,
    shift: Tensor | None,
    dim: int,
) -> tuple[Parameter, Parameter]:
    factor = (variance + eps).rsqrt()
    if scale is not None:
        factor = factor * scale
    fused_bias = (0 if bias is None else bias) - mean
    fused_bias = fused_bias * factor
    if shift is not None:
        fused_bias = fused_bias + shift
    fused_weight = weight * factor.reshape([-1 if d == dim else 1 for d in range(weight.ndim)])
    return (
        Parameter(fused_weight.to(weight.dtype), weight.requires_grad),
        Parameter(
            fused_bias.to(weight.dtype if bias is None else bias.dtype),
            weight.requires_grad if bias is None else bias.requires_grad,
        ),
    )


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    r"""Weight and bias of the convolution that is a convolution followed by a batch normalization.

    .. math:: w' = w \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} \qquad
        b' = (b - \mu) \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Args:
        conv_w, conv_b: w and b, which may be None.
        bn_rm, bn_rv, bn_eps: the running mean μ and variance σ², and ε.
        bn_w, bn_b: γ and β; None for 1 and 0.
        transpose: whether the convolution is transposed, so that the second dimension of w is the outputs.
    """
    return _fuse(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, int(transpose))


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """As :func:`fuse_conv_bn_weights`, of a linear layer."""
    return _fuse(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def fuse_conv_bn_eval(conv: M, bn: Any, transpose: bool = False) -> M:
    """A copy of a convolution that does a following batch normalization as well.

    Raises:
        AssertionError: one of them is in training mode, or the batch normalization has no running statistics.

    >>> import cnn_physics77 as torch
    >>> conv, norm = torch.nn.Conv2d(1, 2, 3).eval(), torch.nn.BatchNorm2d(2).eval()
    >>> x = torch.rand(1, 1, 4, 4)
    >>> torch.allclose(torch.nn.utils.fuse_conv_bn_eval(conv, norm)(x), norm(conv(x)))
    True
    """
    _check_eval("fuse_conv_bn_eval", conv, bn)
    fused: Any = deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_linear_bn_eval(linear: M, bn: Any) -> M:
    """A copy of a linear layer that does a following batch normalization as well.

    Raises:
        AssertionError: as for :func:`fuse_conv_bn_eval`, or there is neither one feature nor as many as the
            layer has outputs.
    """
    _check_eval("fuse_linear_bn_eval", linear, bn)
    fused: Any = deepcopy(linear)
    if bn.num_features not in (1, fused.out_features):
        raise AssertionError(
            "fuse_linear_bn_eval: expected linear.out_features == bn.num_features or bn.num_features == 1, "
            f"found {fused.out_features} and {bn.num_features}"
        )
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused


def _check_eval(function: str, layer: Module, bn: Any) -> None:
    if layer.training or bn.training:
        raise AssertionError(f"{function}: Fusion only for eval!; call eval() of both layers first")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError(
            f"{function}: expected running_mean and running_var, found None; it has no fixed statistics"
        )


__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]
