"""Normalization by neighbouring channels, as a layer."""

from __future__ import annotations

from cnn_physics77.core import operations as F
from cnn_physics77.core.errors import ArgumentError
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


class CrossMapLRN2d(LocalResponseNorm):
    """The same for images, with as many neighbours before a channel as after it. Of an even ``size``, that is
    one less than :class:`LocalResponseNorm` has, although the sum is divided by ``size``.

    PyTorch adds the first channel to the neighbours of all that are farther away, and its gradient is that of
    neighbours shifted by one; this one follows the formula.

    Raises:
        ArgumentError: the input is not (N, C, H, W).

    >>> import cnn_physics77 as torch
    >>> torch.nn.CrossMapLRN2d(3, alpha=3.0, beta=1.0)(torch.ones(1, 3, 1, 1)).flatten()
    tensor([0.3333, 0.2500, 0.3333])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__(size, alpha, beta, k)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim != 4:
            raise ArgumentError(
                f"CrossMapLRN2d: Expected input to be 4D, got {input.ndim}D instead; use (N, C, H, W)"
            )
        neighbours = 2 * ((self.size - 1) // 2) + 1
        alpha = self.alpha * neighbours / self.size
        return F.local_response_norm(input, neighbours, alpha, self.beta, self.k)


__all__ = ["CrossMapLRN2d", "LocalResponseNorm"]
