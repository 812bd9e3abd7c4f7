"""``torchvision.models.mobilenetv2``: depthwise convolutions between narrow layers (M. Sandler et al.,
arXiv:1801.04381).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnn_physics77 import nn
from cnn_physics77.core.operations.indexing.shape import flatten
from cnn_physics77.core.operations.nn.adaptive_pooling import adaptive_avg_pool2d
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker
from cnn_physics77.vision.ops.misc import Conv2dNormActivation


def _make_divisible(value: float, divisor: int) -> int:
    """The nearest multiple of the divisor that is not less than nine tenths of the value, and not 0."""
    nearest = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * value else nearest


def _narrow_normal(layer: nn.Linear) -> None:
    nn.init.normal_(layer.weight, 0, 0.01)


def initialize(model: nn.Module, linear: Callable[[nn.Linear], None] = _narrow_normal) -> None:
    """The weights with which mobile and efficient networks begin; ``linear`` draws those of linear layers."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            nn.init.ones_(module.weight)  # type: ignore[arg-type]
        elif isinstance(module, nn.Linear):
            linear(module)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class InvertedResidual(nn.Module):
    """A convolution to more channels, a depthwise one, and one to few, and the input added where it fits."""

    def __init__(
        self,
        inp: int,
        oup: int,
        stride: int,
        expand_ratio: int,
        norm_layer: Callable[..., nn.Module] = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"InvertedResidual: stride should be 1 or 2 instead of {stride}")
        hidden = round(inp * expand_ratio)
        common: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": nn.ReLU6}
        layers: list[nn.Module] = []
        if expand_ratio != 1:
            layers.append(Conv2dNormActivation(inp, hidden, 1, **common))
        layers.append(Conv2dNormActivation(hidden, hidden, 3, stride, groups=hidden, **common))
        self.conv = nn.Sequential(*layers, nn.Conv2d(hidden, oup, 1, bias=False), norm_layer(oup))
        self.stride, self.out_channels = stride, oup
        self.use_res_connect = stride == 1 and inp == oup

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


_SETTING = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class MobileNetV2(nn.Module):
    """Inverted residual blocks, and a linear layer.

    Args:
        num_classes: the number of outputs.
        width_mult: a factor of all numbers of channels.
        inverted_residual_setting: rows of (expansion, channels, blocks, stride of the first).
        round_nearest: what the numbers of channels are multiples of.
        norm_layer: makes a normalization of its number of channels; None for ``BatchNorm2d``.
        dropout: the probability of a zero before the linear layer.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        norm_layer: Callable[..., nn.Module] | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        channels = _make_divisible(32 * width_mult, round_nearest)
        self.last_channel = _make_divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [
            Conv2dNormActivation(3, channels, stride=2, norm_layer=norm, activation_layer=nn.ReLU6)
        ]
        for expansion, width, count, stride in inverted_residual_setting or _SETTING:
            made = _make_divisible(width * width_mult, round_nearest)
            for i in range(count):
                features.append(InvertedResidual(channels, made, 1 if i else stride, expansion, norm))
                channels = made
        features.append(
            Conv2dNormActivation(channels, self.last_channel, 1, norm_layer=norm, activation_layer=nn.ReLU6)
        )
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), nn.Linear(self.last_channel, num_classes))
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(flatten(adaptive_avg_pool2d(self.features(x), (1, 1)), 1))


mobilenet_v2 = maker("mobilenet_v2", "A :class:`MobileNetV2`.", MobileNetV2)

__all__ = ["MobileNetV2", "mobilenet_v2"]
