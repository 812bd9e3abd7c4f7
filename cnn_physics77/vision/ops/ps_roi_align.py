"""``torchvision.ops.ps_roi_align``: parts of images, each bin from a channel of its own (Z. Li et al.,
arXiv:1711.07264).
"""

from __future__ import annotations

from collections.abc import Sequence

from cnn_physics77 import nn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.ops.roi_align import roi_align


def ps_roi_align(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
) -> Tensor:
    r""":func:`.roi_align` with ``aligned=True``; the input has a channel for each bin of each result.

    .. math:: y_{k,c,p,q} = z_{k,\,(c h + p) w + q,\,p,\,q}

    with the result z of :func:`.roi_align` in h x w bins. A box without extent gives 0, where torchvision's
    is NaN.

    Args:
        input: (N, C h w, H, W).
        boxes, output_size, spatial_scale, sampling_ratio: see :func:`.roi_align`.

    Returns:
        y, (K, C, h, w).

    Raises:
        ShapeError: channels that are no multiple of the bins; else as :func:`.roi_align`.

    >>> import cnn_physics77 as torch
    >>> image = torch.arange(4.0).reshape(1, 4, 1, 1).expand(1, 4, 6, 6)
    >>> ps_roi_align(image, [torch.tensor([[0.0, 0.0, 4.0, 4.0]])], 2)
    tensor([[[[0., 1.],
              [2., 3.]]]])
    """
    z = roi_align(input, boxes, output_size, spatial_scale, sampling_ratio, aligned=True)
    count, channels, height, width = z.shape
    bins = height * width
    if channels % bins:
        raise ShapeError(
            f"ps_roi_align: expected input channels that are a multiple of {height} x {width} bins, found "
            f"{channels}"
        )
    y = z.reshape((count, channels // bins, bins, bins)).diagonal(0, -2, -1)
    return y.reshape((count, channels // bins, height, width))


class PSRoIAlign(nn.Module):
    """See :func:`ps_roi_align`."""

    def __init__(self, output_size: int | tuple[int, int], spatial_scale: float, sampling_ratio: int) -> None:
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale
        self.sampling_ratio = sampling_ratio

    def forward(self, input: Tensor, rois: Tensor | Sequence[Tensor]) -> Tensor:
        return ps_roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio)

    def __repr__(self) -> str:
        return (
            f"PSRoIAlign(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio})"
        )


__all__ = ["PSRoIAlign", "ps_roi_align"]
