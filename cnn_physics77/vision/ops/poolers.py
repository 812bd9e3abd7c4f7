"""``torchvision.ops.poolers``: parts of images from the feature map that suits their size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cnn_physics77 import nn
from cnn_physics77.core.operations.creation.creation import full_like
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.nn.modules.utils import _pair
from cnn_physics77.vision.ops.boxes import box_area
from cnn_physics77.vision.ops.roi_align import roi_align


class LevelMapper:
    r"""The number of the map for each box, from 0 on:
    :math:`\lfloor k_0 + \log_2(\sqrt{A} / s_0) + eps \rfloor` of its area A, between ``k_min`` and ``k_max``,
    less ``k_min`` (T.-Y. Lin et al., arXiv:1612.03144).
    """

    def __init__(
        self,
        k_min: int,
        k_max: int,
        canonical_scale: int = 224,
        canonical_level: int = 4,
        eps: float = 1e-6,
    ) -> None:
        self.k_min, self.k_max, self.s0, self.lvl0 = k_min, k_max, canonical_scale, canonical_level
        self.eps = eps

    def __call__(self, boxlists: Sequence[Tensor]) -> Tensor:
        sides = cat([box_area(boxes) for boxes in boxlists]).sqrt().detach()
        level = (self.lvl0 + (sides / self.s0).log2() + self.eps).floor()
        return level.clamp(self.k_min, self.k_max).to(np.int64) - self.k_min


class MultiScaleRoIAlign(nn.Module):
    """:func:`.roi_align` of each box, from the map that its size suits.

    Args:
        featmap_names: the names of the maps that are used, the largest first.
        output_size: (height, width) of the results, or one number for both.
        sampling_ratio: see :func:`.roi_align`.
        canonical_scale, canonical_level: a box of this side is taken from this level, that is from the map
            that is 2 to this power times as small as the image; see :class:`LevelMapper`.

    How much smaller than the images the maps are is found in the first call.

    >>> import cnn_physics77 as torch
    >>> pool = MultiScaleRoIAlign(["a", "b"], 3, 2)
    >>> maps = {"a": torch.rand(1, 5, 64, 64), "b": torch.rand(1, 5, 16, 16)}
    >>> pool(maps, [torch.tensor([[0.0, 0.0, 50.0, 60.0]])], [(512, 512)]).shape
    torch.Size([1, 5, 3, 3])
    """

    def __init__(
        self,
        featmap_names: Sequence[str],
        output_size: int | Sequence[int],
        sampling_ratio: int,
        *,
        canonical_scale: int = 224,
        canonical_level: int = 4,
    ) -> None:
        super().__init__()
        self.featmap_names, self.sampling_ratio = featmap_names, sampling_ratio
        self.output_size = tuple(_pair(output_size))
        self.canonical_scale, self.canonical_level = canonical_scale, canonical_level
        self.scales: list[float] | None = None
        self.map_levels: LevelMapper | None = None

    def forward(
        self,
        x: Mapping[str, Tensor],
        boxes: Sequence[Tensor],
        image_shapes: Sequence[tuple[int, int]],
    ) -> Tensor:
        """The parts (K, C, height, width) of all boxes (L, 4) of the images, in pixels of the images.

        Args:
            x: the maps by name.
            boxes: those of each image.
            image_shapes: (height, width) of each image.
        """
        maps = [value for name, value in x.items() if name in self.featmap_names]
        if not maps or not image_shapes:
            raise ValueError(
                f"MultiScaleRoIAlign: expected maps {list(self.featmap_names)} and sizes of images, found "
                f"maps {list(x)} and {len(image_shapes)} sizes"
            )
        if self.scales is None or self.map_levels is None:
            height = max(shape[0] for shape in image_shapes)
            self.scales = [2.0 ** round(math.log2(feature.shape[-2] / height)) for feature in maps]
            first, last = (int(-math.log2(self.scales[end])) for end in (0, -1))
            self.map_levels = LevelMapper(first, last, self.canonical_scale, self.canonical_level)
        numbers = [full_like(part[:, :1], number) for number, part in enumerate(boxes)]
        rows = cat([cat(numbers), cat([*boxes])], 1)
        if len(maps) == 1:
            return roi_align(maps[0], rows, self.output_size, self.scales[0], self.sampling_ratio)
        level, parts, places = self.map_levels(boxes).array, [], []
        for number, (feature, scale) in enumerate(zip(maps, self.scales)):
            here = np.flatnonzero(level == number)
            parts.append(
                roi_align(feature, rows[from_array(here)], self.output_size, scale, self.sampling_ratio)
            )
            places.append(here)
        return cat([part.to(maps[0].dtype) for part in parts])[from_array(np.argsort(np.concatenate(places)))]

    def __repr__(self) -> str:
        return (
            f"MultiScaleRoIAlign(featmap_names={self.featmap_names}, output_size={self.output_size}, "
            f"sampling_ratio={self.sampling_ratio})"
        )


__all__ = ["MultiScaleRoIAlign"]
