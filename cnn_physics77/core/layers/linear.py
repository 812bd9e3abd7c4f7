"""Linear layers: the identity, and affine maps of the last dimension."""

from __future__ import annotations

from math import sqrt

from cnn_physics77.core import init
from cnn_physics77.core import operations as F
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import empty_parameter
from cnn_physics77.core.tensor import Tensor


class Identity(Module):
    """y = x. The constructor ignores its arguments."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    r"""The affine map :math:`y = x W^T + b`.

    Args:
        in_features, out_features: the last sizes of input and output.
        bias: whether there is a bias b.

    Attributes:
        weight: W, (out_features, in_features).
        bias: b, (out_features,), or None.

    Both are drawn from U(-k, k) with k = 1/sqrt(in_features).

    Shapes: input (..., in_features), output (..., out_features).

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn
    >>> nn.Linear(20, 30)(torch.zeros(128, 20)).shape
    torch.Size([128, 30])
    >>> nn.Linear(20, 30)
    Linear(in_features=20, out_features=30, bias=True)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device=None, dtype=None
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = empty_parameter(out_features, in_features, device=device, dtype=dtype)
        if bias:
            self.bias = empty_parameter(out_features, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values of the weight and the bias."""
        init.kaiming_uniform_(self.weight, a=sqrt(5))  # U(-k, k) with k = 1/sqrt(fan_in)
        if self.bias is not None:
            bound = 1 / sqrt(self.in_features) if self.in_features else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


LinearLayer = Linear

__all__ = ["Identity", "Linear", "LinearLayer"]
