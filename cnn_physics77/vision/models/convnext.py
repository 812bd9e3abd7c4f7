"""``torchvision.models.convnext``: a residual network with the habits of transformers (Z. Liu et al.,
arXiv:2201.03545).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from cnn_physics77 import nn
from cnn_physics77.core.operations.creation.creation import ones
from cnn_physics77.core.operations.indexing.permute import permute
from cnn_physics77.core.operations.nn.normalization import layer_norm
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker
from cnn_physics77.vision.ops.misc import Conv2dNormActivation, Permute
from cnn_physics77.vision.ops.stochastic_depth import StochasticDepth


class LayerNorm2d(nn.LayerNorm):
    """``LayerNorm`` of the channels of each pixel."""

    def forward(self, input: Tensor) -> Tensor:
        pixels = permute(input, (0, 2, 3, 1))
        y = layer_norm(pixels, self.normalized_shape, self.weight, self.bias, self.eps)
        return permute(y, (0, 3, 1, 2))


_norm = partial(LayerNorm2d, eps=1e-6)


class CNBlock(nn.Module):
    """A depthwise convolution by 7 x 7, two linear layers for each pixel, a factor, and the input added."""

    def __init__(self, dim: int, layer_scale: float, stochastic_depth_prob: float) -> None:
        super().__init__()
        self.block = nn.Sequential(
            *(nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim), Permute([0, 2, 3, 1])),
            *(nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)),
            Permute([0, 3, 1, 2]),
        )
        self.layer_scale = nn.Parameter(ones(dim, 1, 1) * layer_scale)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")

    def forward(self, input: Tensor) -> Tensor:
        return self.stochastic_depth(self.layer_scale * self.block(input)) + input


class ConvNeXt(nn.Module):
    """Groups of blocks with convolutions of stride 2 between them, and a linear layer.

    Args:
        channels: those of each group.
        layers: the number of blocks of each group.
        stochastic_depth_prob: that of the last block to be left out in training; it grows evenly from 0.
        layer_scale: with which each block begins.
        num_classes: the number of outputs.
    """

    def __init__(
        self,
        channels: Sequence[int],
        layers: Sequence[int],
        stochastic_depth_prob: float = 0.0,
        layer_scale: float = 1e-6,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        stem: dict[str, Any] = {
            "stride": 4,
            "padding": 0,
            "norm_layer": _norm,
            "activation_layer": None,
            "bias": True,
        }
        features: list[nn.Module] = [Conv2dNormActivation(3, channels[0], 4, **stem)]
        number, most = 0, max(sum(layers) - 1, 1)
        for (dim, following), count in zip(pairwise((*channels, 0)), layers):
            drops = [stochastic_depth_prob * (number + i) / most for i in range(count)]
            number += count
            features.append(nn.Sequential(*(CNBlock(dim, layer_scale, drop) for drop in drops)))
            if following:
                features.append(nn.Sequential(_norm(dim), nn.Conv2d(dim, following, kernel_size=2, stride=2)))
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            _norm(channels[-1]), nn.Flatten(1), nn.Linear(channels[-1], num_classes)
        )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)))


def _convnext(name: str, width: int, depth: int, drop: float) -> Callable[..., Any]:
    sizes = [width, 2 * width, 4 * width, 8 * width], [3, 3, depth, 3]

    def make(**settings: Any) -> ConvNeXt:
        return ConvNeXt(*sizes, **{"stochastic_depth_prob": drop, **settings})

    return maker(name, f"{name}: a :class:`ConvNeXt`.", make)


convnext_tiny = _convnext("convnext_tiny", 96, 9, 0.1)
convnext_small = _convnext("convnext_small", 96, 27, 0.4)
convnext_base = _convnext("convnext_base", 128, 27, 0.5)
convnext_large = _convnext("convnext_large", 192, 27, 0.5)

__all__ = ["ConvNeXt", "convnext_base", "convnext_large", "convnext_small", "convnext_tiny"]
