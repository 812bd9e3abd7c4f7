"""``torchvision.models.efficientnet``: depth and width grow together (M. Tan and Q. Le, arXiv:1905.11946);
the second version has full convolutions in the first blocks (arXiv:2104.00298).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, sqrt
from typing import Any, NamedTuple

from cnn_physics77 import nn
from cnn_physics77.core.operations.indexing.shape import flatten
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker
from cnn_physics77.vision.models.mobilenetv2 import _make_divisible, initialize
from cnn_physics77.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation
from cnn_physics77.vision.ops.stochastic_depth import StochasticDepth

Norm = Callable[..., nn.Module]


class Stage(NamedTuple):
    """A group of ``layers`` blocks. ``fused``: a full convolution for a narrow and a depthwise one."""

    fused: bool
    expand_ratio: int
    kernel: int
    stride: int
    channels: int
    out_channels: int
    layers: int

    def scaled(self, width: float, depth: float) -> Stage:
        """The same with a factor of the channels and one of the blocks."""
        channels, out = (_make_divisible(n * width, 8) for n in (self.channels, self.out_channels))
        return self._replace(channels=channels, out_channels=out, layers=ceil(self.layers * depth))


class MBConv(nn.Module):
    """A block of a :class:`Stage`, and the input added where it fits. In training the block is left out with
    the probability ``drop``."""

    def __init__(self, stage: Stage, channels: int, stride: int, drop: float, norm: Norm) -> None:
        super().__init__()
        expanded, out = _make_divisible(channels * stage.expand_ratio, 8), stage.out_channels
        common: dict[str, Any] = {"norm_layer": norm, "activation_layer": nn.SiLU}
        last = partial(Conv2dNormActivation, out_channels=out, norm_layer=norm, activation_layer=None)
        layers: list[nn.Module] = []
        if stage.fused:
            wide = expanded if expanded != channels else out
            layers.append(Conv2dNormActivation(channels, wide, stage.kernel, stride, **common))
            if expanded != channels:
                layers.append(last(expanded, kernel_size=1))
        else:
            if expanded != channels:
                layers.append(Conv2dNormActivation(channels, expanded, 1, **common))
            layers += [
                Conv2dNormActivation(expanded, expanded, stage.kernel, stride, groups=expanded, **common),
                SqueezeExcitation(expanded, max(1, channels // 4), partial(nn.SiLU, inplace=True)),
                last(expanded, kernel_size=1),
            ]
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(drop, "row")
        self.use_res_connect = stride == 1 and channels == out
        self.out_channels = out

    def forward(self, input: Tensor) -> Tensor:
        result = self.block(input)
        return self.stochastic_depth(result) + input if self.use_res_connect else result


class EfficientNet(nn.Module):
    """Groups of blocks, and a linear layer.

    Args:
        stages: the groups.
        dropout: the probability of a zero before the linear layer.
        stochastic_depth_prob: that of the last block to be left out in training; it grows evenly from 0.
        num_classes: the number of outputs.
        norm_layer: makes a normalization of its number of channels; None for ``BatchNorm2d``.
        last_channel: the channels of the last convolution; None for four times those before.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        dropout: float,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        norm_layer: Norm | None = None,
        last_channel: int | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        common: dict[str, Any] = {"norm_layer": norm, "activation_layer": nn.SiLU}
        channels = stages[0].channels
        features: list[nn.Module] = [Conv2dNormActivation(3, channels, 3, 2, **common)]
        number, total = 0, sum(stage.layers for stage in stages)
        for stage in stages:
            blocks = []
            for i in range(stage.layers):
                drop = stochastic_depth_prob * number / total
                blocks.append(MBConv(stage, channels, 1 if i else stage.stride, drop, norm))
                channels, number = stage.out_channels, number + 1
            features.append(nn.Sequential(*blocks))
        last = last_channel or 4 * channels
        self.features = nn.Sequential(*features, Conv2dNormActivation(channels, last, 1, **common))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(last, num_classes))
        initialize(self, _uniform)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(flatten(self.avgpool(self.features(x)), 1))


def _uniform(layer: nn.Linear) -> None:
    bound = 1 / sqrt(layer.out_features)
    nn.init.uniform_(layer.weight, -bound, bound)


def _stages(*rows: tuple[int, ...]) -> tuple[Stage, ...]:
    return tuple(Stage(bool(fused), *rest) for fused, *rest in rows)


FIRST = _stages(
    *((0, 1, 3, 1, 32, 16, 1), (0, 6, 3, 2, 16, 24, 2), (0, 6, 5, 2, 24, 40, 2), (0, 6, 3, 2, 40, 80, 3)),
    *((0, 6, 5, 1, 80, 112, 3), (0, 6, 5, 2, 112, 192, 4), (0, 6, 3, 1, 192, 320, 1)),
)
SECOND = {
    "s": _stages(
        *((1, 1, 3, 1, 24, 24, 2), (1, 4, 3, 2, 24, 48, 4), (1, 4, 3, 2, 48, 64, 4)),
        *((0, 4, 3, 2, 64, 128, 6), (0, 6, 3, 1, 128, 160, 9), (0, 6, 3, 2, 160, 256, 15)),
    ),
    "m": _stages(
        *(
            (1, 1, 3, 1, 24, 24, 3),
            (1, 4, 3, 2, 24, 48, 5),
            (1, 4, 3, 2, 48, 80, 5),
            (0, 4, 3, 2, 80, 160, 7),
        ),
        *((0, 6, 3, 1, 160, 176, 14), (0, 6, 3, 2, 176, 304, 18), (0, 6, 3, 1, 304, 512, 5)),
    ),
    "l": _stages(
        *(
            (1, 1, 3, 1, 32, 32, 4),
            (1, 4, 3, 2, 32, 64, 7),
            (1, 4, 3, 2, 64, 96, 7),
            (0, 4, 3, 2, 96, 192, 10),
        ),
        *((0, 6, 3, 1, 192, 224, 19), (0, 6, 3, 2, 224, 384, 25), (0, 6, 3, 1, 384, 640, 7)),
    ),
}


def _first(name: str, width: float, depth: float, dropout: float, **fixed: Any) -> Callable[..., Any]:
    stages = [stage.scaled(width, depth) for stage in FIRST]
    return _made(name, stages, dropout, **fixed)


def _made(name: str, stages: Sequence[Stage], dropout: float, **fixed: Any) -> Callable[..., Any]:
    def make(**settings: Any) -> EfficientNet:
        return EfficientNet(stages, **{"dropout": dropout, **fixed, **settings})

    return maker(name, f"{name}: an :class:`EfficientNet`.", make)


_slow = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
_fine = partial(nn.BatchNorm2d, eps=1e-3)

efficientnet_b0 = _first("efficientnet_b0", 1.0, 1.0, 0.2)
efficientnet_b1 = _first("efficientnet_b1", 1.0, 1.1, 0.2)
efficientnet_b2 = _first("efficientnet_b2", 1.1, 1.2, 0.3)
efficientnet_b3 = _first("efficientnet_b3", 1.2, 1.4, 0.3)
efficientnet_b4 = _first("efficientnet_b4", 1.4, 1.8, 0.4)
efficientnet_b5 = _first("efficientnet_b5", 1.6, 2.2, 0.4, norm_layer=_slow)
efficientnet_b6 = _first("efficientnet_b6", 1.8, 2.6, 0.5, norm_layer=_slow)
efficientnet_b7 = _first("efficientnet_b7", 2.0, 3.1, 0.5, norm_layer=_slow)
efficientnet_v2_s = _made("efficientnet_v2_s", SECOND["s"], 0.2, norm_layer=_fine, last_channel=1280)
efficientnet_v2_m = _made("efficientnet_v2_m", SECOND["m"], 0.3, norm_layer=_fine, last_channel=1280)
efficientnet_v2_l = _made("efficientnet_v2_l", SECOND["l"], 0.4, norm_layer=_fine, last_channel=1280)

__all__ = [
    "EfficientNet",
    *(f"efficientnet_b{i}" for i in range(8)),
    *(f"efficientnet_v2_{size}" for size in "sml"),
]
