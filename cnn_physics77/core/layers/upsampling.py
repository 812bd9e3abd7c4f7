"""Layers that change the size of images."""

from __future__ import annotations

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.nn import interpolate as F
from cnn_physics77.core.tensor import Tensor


class Upsample(Module):
    """The input in another size: see :func:`nn.functional.interpolate`.

    Args:
        size: an int, or one per spatial dimension.
        scale_factor: a factor, or one per spatial dimension, instead of size.
        mode: ``"nearest"``, ``"linear"``, ``"bilinear"``, ``"bicubic"`` or ``"trilinear"``.
        align_corners: whether the middles of the first and of the last pixels stay where they are.
        recompute_scale_factor: whether the sizes alone decide where the outputs lie.

    >>> import cnn_physics77 as torch
    >>> torch.nn.Upsample(scale_factor=2)(torch.tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2., 2.]]])
    """

    def __init__(
        self,
        size=None,
        scale_factor=None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        self.scale_factor: tuple[float, ...] | float | None = None
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        elif scale_factor:
            self.scale_factor = float(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            recompute_scale_factor=self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        by_size = self.scale_factor is None
        what = f"size={self.size!r}" if by_size else f"scale_factor={self.scale_factor!r}"
        return f"{what}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """:class:`Upsample` with the nearest pixels of an image. It is deprecated in PyTorch.

    Args:
        size: an int or two.
        scale_factor: a factor or two, instead of size.
    """

    def __init__(self, size=None, scale_factor=None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """:class:`Upsample` with bilinear interpolation and aligned corners. It is deprecated in PyTorch.

    Args:
        size: an int or two.
        scale_factor: a factor or two, instead of size.
    """

    def __init__(self, size=None, scale_factor=None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]
