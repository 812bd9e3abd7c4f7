"""``torchvision.models.googlenet``: convolutions of several sizes beside each other (C. Szegedy et al.,
arXiv:1409.4842), with batch normalization.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cnn_physics77 import nn
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.shape import flatten
from cnn_physics77.core.operations.nn.activation_piecewise import relu
from cnn_physics77.core.operations.nn.adaptive_pooling import adaptive_avg_pool2d
from cnn_physics77.core.tensor import Tensor, tensor
from cnn_physics77.vision.models._weights import maker


class BasicConv2d(nn.Module):
    """A convolution, a normalization and a ReLU."""

    def __init__(self, in_channels: int, out_channels: int, **options: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **options)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.bn(self.conv(x)))


def initialize(model: nn.Module, std: float) -> None:
    """Weights from a normal distribution of this deviation, or of the one that a layer has as ``stddev``."""
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.trunc_normal_(module.weight, 0.0, getattr(module, "stddev", std), -2, 2)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.weight, 1)  # type: ignore[arg-type]
            nn.init.constant_(module.bias, 0)  # type: ignore[arg-type]


def as_symmetric(x: Tensor) -> Tensor:
    """Images normalized with the means and deviations of ImageNet, as those normalized with 0.5 and 0.5."""
    mean, std = (
        tensor(values, dtype=x.dtype).reshape((3, 1, 1))
        for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    return x * (std / 0.5) + (mean - 0.5) / 0.5


class Inception(nn.Module):
    """Convolutions by 1 x 1 and 3 x 3 and a pooling beside each other, all after narrow ones."""

    def __init__(
        self, in_channels: int, one: int, red3: int, three: int, red5: int, five: int, pool: int
    ) -> None:
        super().__init__()
        self.branch1 = BasicConv2d(in_channels, one, kernel_size=1)
        self.branch2, self.branch3 = (
            nn.Sequential(
                BasicConv2d(in_channels, narrow, kernel_size=1),
                BasicConv2d(narrow, wide, kernel_size=3, padding=1),  # torchvision has no 5 x 5
            )
            for narrow, wide in ((red3, three), (red5, five))
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            BasicConv2d(in_channels, pool, kernel_size=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return cat([branch(x) for branch in (self.branch1, self.branch2, self.branch3, self.branch4)], 1)


class InceptionAux(nn.Module):
    """Classes from the middle of the network, for training."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.7) -> None:
        super().__init__()
        self.conv = BasicConv2d(in_channels, 128, kernel_size=1)
        self.fc1, self.fc2 = nn.Linear(2048, 1024), nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(p=dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = flatten(self.conv(adaptive_avg_pool2d(x, (4, 4))), 1)
        return self.fc2(self.dropout(relu(self.fc1(x))))


class GoogLeNetOutputs(NamedTuple):
    """What a :class:`GoogLeNet` with ``aux_logits`` returns in training."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class GoogLeNet(nn.Module):
    """Nine :class:`Inception` blocks, and a linear layer.

    Args:
        num_classes: the number of outputs.
        aux_logits: whether to return :class:`GoogLeNetOutputs` in training.
        transform_input: whether images are normalized with the means and deviations of ImageNet, not 0.5.
        init_weights: whether to initialise as the original does.
        dropout, dropout_aux: the probability of a zero before the last layer, and in the middle.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool = True,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
    ) -> None:
        super().__init__()
        self.aux_logits, self.transform_input = aux_logits, transform_input
        self.conv1 = BasicConv2d(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = BasicConv2d(64, 64, kernel_size=1)
        self.conv3 = BasicConv2d(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = InceptionAux(512, num_classes, dropout_aux) if aux_logits else None
        self.aux2 = InceptionAux(528, num_classes, dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(1024, num_classes)
        if init_weights:
            initialize(self, 0.01)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        x = as_symmetric(x) if self.transform_input else x
        x = self.maxpool2(self.conv3(self.conv2(self.maxpool1(self.conv1(x)))))
        first = self.inception4a(self.maxpool3(self.inception3b(self.inception3a(x))))
        second = self.inception4d(self.inception4c(self.inception4b(first)))
        x = self.inception5b(self.inception5a(self.maxpool4(self.inception4e(second))))
        logits = self.fc(self.dropout(flatten(self.avgpool(x), 1)))
        if self.training and self.aux1 is not None and self.aux2 is not None:
            return GoogLeNetOutputs(logits, self.aux2(second), self.aux1(first))
        return logits


googlenet = maker("googlenet", "A :class:`GoogLeNet`.", GoogLeNet)

__all__ = ["GoogLeNet", "GoogLeNetOutputs", "googlenet"]
