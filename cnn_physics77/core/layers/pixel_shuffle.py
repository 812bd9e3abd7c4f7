"""Layers that rearrange channels and pixels."""

from __future__ import annotations

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.nn import pixel_shuffle as F
from cnn_physics77.core.tensor import Tensor


class PixelShuffle(Module):
    """Groups of r² channels become pixels: see :func:`nn.functional.pixel_shuffle`.

    Args:
        upscale_factor: r.

    >>> import cnn_physics77 as torch
    >>> torch.nn.PixelShuffle(3)(torch.zeros(1, 9, 4, 4)).shape
    torch.Size([1, 1, 12, 12])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Blocks of r x r pixels become channels: see :func:`nn.functional.pixel_unshuffle`.

    Args:
        downscale_factor: r.
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The channels of several groups, dealt like cards: see :func:`nn.functional.channel_shuffle`.

    Args:
        groups: how many.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


__all__ = ["ChannelShuffle", "PixelShuffle", "PixelUnshuffle"]
