"""``torchvision.ops.stochastic_depth``: branches that are left out at random (G. Huang et al.,
arXiv:1603.09382).
"""

from __future__ import annotations

from cnn_physics77 import nn
from cnn_physics77.core.operations.creation.creation import empty
from cnn_physics77.core.tensor import Tensor


def stochastic_depth(input: Tensor, p: float, mode: str, training: bool = True) -> Tensor:
    """Zeros with probability p, else input / (1 - p).

    Args:
        mode: "row" to draw for each sample, "batch" for all at once.
        training: whether to draw; otherwise the input.

    Raises:
        ValueError: p is outside of [0, 1], or another mode.

    >>> import cnn_physics77 as torch
    >>> stochastic_depth(torch.ones(2, 3), 1.0, "batch")
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    if not 0 <= p <= 1:
        raise ValueError(f"stochastic_depth: drop probability has to be between 0 and 1, but got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f"stochastic_depth: mode has to be either 'batch' or 'row', but got {mode}")
    if not training or p == 0:
        return input
    samples = input.shape[0] if mode == "row" else 1
    noise = empty(samples, *(1,) * (input.ndim - 1), dtype=input.dtype).bernoulli_(1 - p)
    return input * (noise / (1 - p) if p < 1 else noise)


class StochasticDepth(nn.Module):
    """:func:`stochastic_depth` in training."""

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, input: Tensor) -> Tensor:
        return stochastic_depth(input, self.p, self.mode, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, mode={self.mode}"


__all__ = ["StochasticDepth", "stochastic_depth"]
