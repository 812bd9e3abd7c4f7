"""``torchvision.models.mobilenetv3``: blocks found by search, some with squeeze and excitation (A. Howard et
al., arXiv:1905.02244).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from cnn_physics77 import nn
from cnn_physics77.core.operations.indexing.shape import flatten
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker
from cnn_physics77.vision.models.mobilenetv2 import _make_divisible, initialize
from cnn_physics77.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation


class Block(NamedTuple):
    """The sizes of one block; whether it has squeeze and excitation, and Hardswish instead of ReLU."""

    kernel: int
    expanded: int
    channels: int
    squeezes: int
    hard: int
    stride: int


LARGE = [
    Block(*row)
    for row in (
        *((3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2)),
        *((5, 120, 40, 1, 0, 1), (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1)),
        *((3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1)),
        *((5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1)),
    )
]
SMALL = [
    Block(*row)
    for row in (
        *((3, 16, 16, 1, 0, 2), (3, 72, 24, 0, 0, 2), (3, 88, 24, 0, 0, 1), (5, 96, 40, 1, 1, 2)),
        *((5, 240, 40, 1, 1, 1), (5, 240, 40, 1, 1, 1), (5, 120, 48, 1, 1, 1), (5, 144, 48, 1, 1, 1)),
        *((5, 288, 96, 1, 1, 2), (5, 576, 96, 1, 1, 1), (5, 576, 96, 1, 1, 1)),
    )
]

_norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)


class InvertedResidual(nn.Module):
    """A convolution to more channels, a depthwise one, squeeze and excitation, and a convolution to few."""

    def __init__(self, channels: int, block: Block, width_mult: float) -> None:
        super().__init__()
        expanded, out = (_make_divisible(n * width_mult, 8) for n in (block.expanded, block.channels))
        common: dict[str, Any] = {
            "norm_layer": _norm,
            "activation_layer": nn.Hardswish if block.hard else nn.ReLU,
        }
        layers: list[nn.Module] = []
        if expanded != channels:
            layers.append(Conv2dNormActivation(channels, expanded, 1, **common))
        layers.append(
            Conv2dNormActivation(expanded, expanded, block.kernel, block.stride, groups=expanded, **common)
        )
        if block.squeezes:
            squeezed = _make_divisible(expanded // 4, 8)
            layers.append(SqueezeExcitation(expanded, squeezed, scale_activation=nn.Hardsigmoid))
        layers.append(Conv2dNormActivation(expanded, out, 1, norm_layer=_norm, activation_layer=None))
        self.block = nn.Sequential(*layers)
        self.out_channels = out
        self.use_res_connect = block.stride == 1 and channels == out

    def forward(self, input: Tensor) -> Tensor:
        return self.block(input) + input if self.use_res_connect else self.block(input)


class MobileNetV3(nn.Module):
    """Inverted residual blocks, and two linear layers.

    Args:
        blocks: their sizes.
        last_channel: the number of channels between the linear layers.
        num_classes: the number of outputs.
        width_mult: a factor of all numbers of channels.
        dropout: the probability of a zero before the last layer.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        last_channel: int,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        common: dict[str, Any] = {"norm_layer": _norm, "activation_layer": nn.Hardswish}
        channels = _make_divisible(16 * width_mult, 8)
        layers: list[nn.Module] = [Conv2dNormActivation(3, channels, 3, 2, **common)]
        for block in blocks:
            made = InvertedResidual(channels, block, width_mult)
            layers.append(made)
            channels = made.out_channels
        self.features = nn.Sequential(*layers, Conv2dNormActivation(channels, 6 * channels, 1, **common))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        last_channel = _make_divisible(last_channel * width_mult, 8)
        self.classifier = nn.Sequential(
            *(nn.Linear(6 * channels, last_channel), nn.Hardswish(inplace=True)),
            *(nn.Dropout(p=dropout, inplace=True), nn.Linear(last_channel, num_classes)),
        )
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(flatten(self.avgpool(self.features(x)), 1))


mobilenet_v3_large = maker(
    "mobilenet_v3_large", "The large :class:`MobileNetV3`.", partial(MobileNetV3, LARGE, 1280)
)
mobilenet_v3_small = maker(
    "mobilenet_v3_small", "The small :class:`MobileNetV3`.", partial(MobileNetV3, SMALL, 1024)
)

__all__ = ["MobileNetV3", "mobilenet_v3_large", "mobilenet_v3_small"]
