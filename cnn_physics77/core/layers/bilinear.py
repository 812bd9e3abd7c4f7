"""Bilinear forms, as a layer."""

from __future__ import annotations

from math import sqrt

from cnn_physics77.core import init
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import empty_parameter
from cnn_physics77.core.operations.nn.bilinear import bilinear
from cnn_physics77.core.tensor import Tensor


class Bilinear(Module):
    r"""A bilinear form of two inputs for each output, :math:`y_o = a^T W_o b + c_o`.

    ``forward(input1, input2)``: see :func:`nn.functional.bilinear`.

    Args:
        in1_features, in2_features, out_features: the last sizes of inputs and output.
        bias: whether there is a bias c.

    Attributes:
        weight: W, (out_features, in1_features, in2_features).
        bias: c, (out_features,), or None.

    Both are drawn from U(-k, k) with k = 1/sqrt(in1_features).

    Raises:
        ValueError: in1_features is not positive.

    >>> import cnn_physics77 as torch
    >>> torch.nn.Bilinear(20, 30, 40)(torch.zeros(128, 20), torch.zeros(128, 30)).shape
    torch.Size([128, 40])
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = empty_parameter(out_features, in1_features, in2_features, device=device, dtype=dtype)
        if bias:
            self.bias = empty_parameter(out_features, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values of the weight and the bias."""
        if self.in1_features <= 0:
            raise ValueError(
                f"Bilinear: in1_features must be > 0, but got (in1_features={self.in1_features})"
            )
        bound = 1 / sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


__all__ = ["Bilinear"]
