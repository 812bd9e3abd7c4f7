"""Layers that only change the shape."""

from __future__ import annotations

from cnn_physics77.core import operations as F
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.tensor import Tensor


class Flatten(Module):
    """Merges the dimensions from ``start_dim`` to ``end_dim``; by default all except the first.

    >>> import cnn_physics77 as torch
    >>> torch.nn.Flatten()(torch.zeros(4, 8, 5, 5)).shape
    torch.Size([4, 200])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return F.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits one dimension into several, of the sizes ``unflattened_size``; one of them may be -1.

    >>> import cnn_physics77 as torch
    >>> torch.nn.Unflatten(1, (8, 5, 5))(torch.zeros(4, 200)).shape
    torch.Size([4, 8, 5, 5])
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        super().__init__()
        if not isinstance(unflattened_size, tuple | list) or not all(
            isinstance(n, int) for n in unflattened_size
        ):
            raise TypeError(
                f"Unflatten: expected unflattened_size to be a tuple of ints, found {unflattened_size!r}"
            )
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        return F.unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


__all__ = ["Flatten", "Unflatten"]
