"""Normalization by neighbouring channels, as a layer."""

from __future__ import annotations

from cnn_physics77.core import operations as F
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.tensor import Tensor


class LocalResponseNorm(Module):
    """Each channel divided by a power of the mean square of its neighbours: see
    :func:`nn.functional.local_response_norm`.

    Args:
        size: the number of neighbours.
        alpha, beta, k: of the formula there.

    >>> import cnn_physics77 as torch
    >>> torch.nn.LocalResponseNorm(2, alpha=2.0, beta=1.0)(torch.ones(1, 2, 1)).flatten()
    tensor([0.5000, 0.3333])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


__all__ = ["LocalResponseNorm"]
