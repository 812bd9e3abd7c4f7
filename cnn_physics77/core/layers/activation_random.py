"""Activation layers that draw random numbers."""

from __future__ import annotations

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.nn.activation_random import rrelu
from cnn_physics77.core.tensor import Tensor


class RReLU(Module):
    """x where x > 0, a x elsewhere, with a random a in training: see :func:`nn.functional.rrelu`.

    Args:
        lower, upper: the bounds of a; outside of training it is their mean.
        inplace: overwrite the input.

    >>> import cnn_physics77 as torch
    >>> torch.nn.RReLU(0.2, 0.3).eval()(torch.tensor([-4.0, 2.0]))
    tensor([-1.,  2.])
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        inplace = ", inplace=True" if self.inplace else ""
        return f"lower={self.lower}, upper={self.upper}{inplace}"


__all__ = ["RReLU"]
