"""``torchvision.ops.drop_block``: squares of feature maps that are left out at random (G. Ghiasi et al.,
arXiv:1810.12890).
"""

from __future__ import annotations

import math

from cnn_physics77 import nn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.creation.creation import empty
from cnn_physics77.core.operations.indexing.pad import pad
from cnn_physics77.core.operations.nn.pooling import max_pool2d, max_pool3d
from cnn_physics77.core.tensor import Tensor


def _drop(
    d: int, input: Tensor, p: float, block_size: int, inplace: bool, eps: float, training: bool
) -> Tensor:
    name = f"drop_block{d}d"
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: drop probability has to be between 0 and 1, but got {p}")
    if input.ndim != d + 2:
        raise ShapeError(f"{name}: expected {d + 2} dimensions, found shape {tuple(input.shape)}")
    if not training or p == 0:
        return input
    size = input.shape[2:]
    block = min(block_size, *size)
    if block % 2 == 0:
        raise ValueError(f"{name}: block size should be odd. Got {block} which is even.")
    centres = [n - block + 1 for n in size]
    gamma = p * math.prod(size) / (block**d * math.prod(centres))
    noise = empty(*input.shape[:2], *centres, dtype=input.dtype).bernoulli_(gamma)
    noise = pad(noise, [block // 2] * (2 * d))
    pool = max_pool2d if d == 2 else max_pool3d
    kept = 1 - pool(noise, block, stride=1, padding=block // 2)
    scale = kept.numel() / (eps + kept.sum())
    return input.mul_(kept).mul_(scale) if inplace else input * kept * scale


def drop_block2d(
    input: Tensor,
    p: float,
    block_size: int,
    inplace: bool = False,
    eps: float = 1e-6,
    training: bool = True,
) -> Tensor:
    """Zeros in squares, of which there are so many that about the part p of the maps is zero; the rest is
    multiplied so that the mean of ones stays 1.

    Args:
        input: (N, C, H, W).
        p: about the part that is left out, from 0 to 1.
        block_size: the side of the squares, odd; at most that of the maps.
        inplace: whether the input is changed.
        eps: added to the number of elements that stay.
        training: whether to draw; otherwise the input.

    Raises:
        ValueError: p is outside of [0, 1]; an even side.
        ShapeError: another number of dimensions.

    >>> import cnn_physics77 as torch
    >>> drop_block2d(torch.ones(1, 1, 3, 3), 1.0, 3).abs().sum()
    tensor(0.)
    """
    return _drop(2, input, p, block_size, inplace, eps, training)


def drop_block3d(
    input: Tensor,
    p: float,
    block_size: int,
    inplace: bool = False,
    eps: float = 1e-6,
    training: bool = True,
) -> Tensor:
    """:func:`drop_block2d` with cubes, of (N, C, D, H, W)."""
    return _drop(3, input, p, block_size, inplace, eps, training)


class DropBlock2d(nn.Module):
    """:func:`drop_block2d` in training."""

    def __init__(self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-6) -> None:
        super().__init__()
        self.p, self.block_size, self.inplace, self.eps = p, block_size, inplace, eps

    def forward(self, input: Tensor) -> Tensor:
        return drop_block2d(input, self.p, self.block_size, self.inplace, self.eps, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, block_size={self.block_size}, inplace={self.inplace})"


class DropBlock3d(DropBlock2d):
    """:func:`drop_block3d` in training."""

    def forward(self, input: Tensor) -> Tensor:
        return drop_block3d(input, self.p, self.block_size, self.inplace, self.eps, self.training)


__all__ = ["DropBlock2d", "DropBlock3d", "drop_block2d", "drop_block3d"]
