"""``torchvision.ops.feature_pyramid_network``: feature maps of several sizes, each with what the smaller ones
know (T.-Y. Lin et al., arXiv:1612.03144).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnn_physics77 import nn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.nn.activation_piecewise import relu
from cnn_physics77.core.operations.nn.interpolate import interpolate
from cnn_physics77.core.operations.nn.pooling import max_pool2d
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.ops.misc import Conv2dNormActivation


class ExtraFPNBlock(nn.Module):
    """Makes further maps: ``forward(results, x, names)`` returns all results and their names."""

    def forward(
        self, results: list[Tensor], x: list[Tensor], names: list[str]
    ) -> tuple[list[Tensor], list[str]]:
        raise NotImplementedError(f"{type(self).__name__}: expected a class with forward(results, x, names)")


class FeaturePyramidNetwork(nn.Module):
    """Each map by a 1 × 1 convolution, plus the next smaller result in its size, by a 3 × 3 convolution.

    Args:
        in_channels_list: the channels of the maps, the largest map first.
        out_channels: those of all results.
        extra_blocks: makes further results; None for none.
        norm_layer: makes a normalization after each convolution; None for none.

    >>> import cnn_physics77 as torch
    >>> network = FeaturePyramidNetwork([4, 8], 5)
    >>> maps = network({"a": torch.rand(1, 4, 8, 8), "b": torch.rand(1, 8, 4, 4)})
    >>> {name: tuple(x.shape) for name, x in maps.items()}
    {'a': (1, 5, 8, 8), 'b': (1, 5, 4, 4)}
    """

    _version = 2

    def __init__(
        self,
        in_channels_list: Sequence[int],
        out_channels: int,
        extra_blocks: ExtraFPNBlock | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        if extra_blocks is not None and not isinstance(extra_blocks, ExtraFPNBlock):
            raise TypeError(
                "FeaturePyramidNetwork: extra_blocks should be of type ExtraFPNBlock, found "
                f"{type(extra_blocks).__name__}"
            )
        self.inner_blocks, self.layer_blocks = nn.ModuleList(), nn.ModuleList()
        for channels in in_channels_list:
            if channels < 1:
                raise ValueError(f"FeaturePyramidNetwork: expected positive channels, found {channels}")
            options: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": None}
            self.inner_blocks.append(Conv2dNormActivation(channels, out_channels, 1, padding=0, **options))
            self.layer_blocks.append(Conv2dNormActivation(out_channels, out_channels, 3, **options))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.extra_blocks = extra_blocks

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest) -> None:
        if (local_metadata.get("version") or 1) < 2:  # the convolutions were not in blocks
            for block in ("inner_blocks", "layer_blocks"):
                for number in range(len(self.inner_blocks)):
                    for name in ("weight", "bias"):
                        old = f"{prefix}{block}.{number}.{name}"
                        if old in state_dict:
                            state_dict[f"{prefix}{block}.{number}.0.{name}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def forward(self, x: Mapping[str, Tensor]) -> OrderedDict[str, Tensor]:
        """The results by the names of the maps, the largest first."""
        names, maps = list(x), list(x.values())
        if len(maps) != len(self.inner_blocks):
            raise ShapeError(
                f"FeaturePyramidNetwork: expected {len(self.inner_blocks)} maps, found {len(maps)}"
            )
        results: list[Tensor] = []
        smaller: Tensor | None = None
        for inner, layer, lateral in reversed([*zip(self.inner_blocks, self.layer_blocks, maps)]):
            total = inner(lateral)
            if smaller is not None:
                total = total + interpolate(smaller, total.shape[-2:], mode="nearest")
            smaller = total
            results.insert(0, layer(total))
        if self.extra_blocks is not None:
            results, names = self.extra_blocks(results, maps, names)
        return OrderedDict(zip(names, results))


class LastLevelMaxPool(ExtraFPNBlock):
    """Every second pixel of the smallest result as a further one, ``"pool"``."""

    def forward(self, results, x, names):
        return [*results, max_pool2d(results[-1], 1, 2)], [*names, "pool"]


class LastLevelP6P7(ExtraFPNBlock):
    """Two smaller results by convolutions, ``"p6"`` and ``"p7"`` (T.-Y. Lin et al., arXiv:1708.02002)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.p6 = nn.Conv2d(in_channels, out_channels, 3, 2, 1)
        self.p7 = nn.Conv2d(out_channels, out_channels, 3, 2, 1)
        for module in (self.p6, self.p7):
            nn.init.kaiming_uniform_(module.weight, a=1)
            nn.init.zeros_(module.bias)
        self.use_P5 = in_channels == out_channels

    def forward(self, results, x, names):
        p6 = self.p6(results[-1] if self.use_P5 else x[-1])
        return [*results, p6, self.p7(relu(p6))], [*names, "p6", "p7"]


__all__ = ["FeaturePyramidNetwork"]
