"""``torchvision.models.densenet``: each layer of a block reads what all before it made (G. Huang et al.,
arXiv:1608.06993).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from cnn_physics77 import nn
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.shape import flatten
from cnn_physics77.core.operations.nn.activation_piecewise import relu
from cnn_physics77.core.operations.nn.adaptive_pooling import adaptive_avg_pool2d
from cnn_physics77.core.operations.nn.dropout import dropout
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker


class _DenseLayer(nn.Module):
    def __init__(self, channels: int, growth_rate: int, bn_size: int, drop_rate: float) -> None:
        super().__init__()
        self.norm1, self.relu1 = nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(channels, bn_size * growth_rate, kernel_size=1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(bn_size * growth_rate), nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bn_size * growth_rate, growth_rate, kernel_size=3, padding=1, bias=False)
        self.drop_rate = drop_rate

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        narrow = self.conv1(self.relu1(self.norm1(cat(features, 1))))
        made = self.conv2(self.relu2(self.norm2(narrow)))
        return dropout(made, self.drop_rate, self.training) if self.drop_rate else made


class _DenseBlock(nn.ModuleDict):
    def __init__(self, count: int, channels: int, growth_rate: int, bn_size: int, drop_rate: float) -> None:
        super().__init__()
        for i in range(count):
            layer = _DenseLayer(channels + i * growth_rate, growth_rate, bn_size, drop_rate)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.values():
            features.append(layer(features))
        return cat(features, 1)


def _transition(channels: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(channels),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(channels, channels // 2, kernel_size=1, bias=False),
            pool=nn.AvgPool2d(kernel_size=2, stride=2),
        )
    )


class DenseNet(nn.Module):
    """Dense blocks with transitions between them, and a linear layer.

    Args:
        growth_rate: the channels that each layer adds.
        block_config: the number of layers of each block.
        num_init_features: the channels of the first convolution.
        bn_size: the channels between the two convolutions of a layer, over the growth rate.
        drop_rate: the probability of a zero after each layer.
        num_classes: the number of outputs.
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        channels = num_init_features
        self.features = nn.Sequential(
            OrderedDict(
                conv0=nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False),
                norm0=nn.BatchNorm2d(channels),
                relu0=nn.ReLU(inplace=True),
                pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            )
        )
        for i, count in enumerate(block_config, 1):
            block = _DenseBlock(count, channels, growth_rate, bn_size, drop_rate)
            self.features.add_module(f"denseblock{i}", block)
            channels += count * growth_rate
            if i < len(block_config):
                self.features.add_module(f"transition{i}", _transition(channels))
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.constant_(module.weight, 1)  # type: ignore[arg-type]
                nn.init.constant_(module.bias, 0)  # type: ignore[arg-type]
            elif isinstance(module, nn.Linear):
                nn.init.constant_(module.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(flatten(adaptive_avg_pool2d(relu(self.features(x)), (1, 1)), 1))


def _densenet(name: str, *fixed: Any) -> Callable[..., Any]:
    return maker(name, f"{name}: a :class:`DenseNet`.", lambda **s: DenseNet(*fixed, **s))


densenet121 = _densenet("densenet121", 32, (6, 12, 24, 16), 64)
densenet161 = _densenet("densenet161", 48, (6, 12, 36, 24), 96)
densenet169 = _densenet("densenet169", 32, (6, 12, 32, 32), 64)
densenet201 = _densenet("densenet201", 32, (6, 12, 48, 32), 64)

__all__ = ["DenseNet", "densenet121", "densenet161", "densenet169", "densenet201"]
