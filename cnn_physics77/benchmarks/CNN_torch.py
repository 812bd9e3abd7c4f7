"""The baseline: the networks of `cnn_physics77.core.model` as a PyTorch user writes them.

Each has the constructor arguments and the state_dict keys of its counterpart, so that weights can be copied
by name.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CNN(nn.Module):
    """The specification's network: convolution without padding or bias - ReLU - dense - ReLU - dense.

    Input (N, in_channels, image_size, image_size), output (N, classes) of logits. The defaults have 693,714
    parameters.
    """

    def __init__(
        self,
        in_channels: int = 1,
        channels: int = 8,
        kernel_size: int = 3,
        hidden: int = 128,
        classes: int = 10,
        image_size: int = 28,
    ) -> None:
        super().__init__()
        side = image_size - kernel_size + 1
        self.conv = nn.Conv2d(in_channels, channels, kernel_size, bias=False)
        self.fc1 = nn.Linear(channels * side * side, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv(x))
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc2(x)


class MLP(nn.Module):
    """Dense layers with ReLU between them; the images are flattened."""

    def __init__(self, sizes: tuple[int, ...] = (784, 512, 512, 10)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(torch.flatten(x, 1))


class LeNet5(nn.Module):
    """LeNet-5 with ReLU and max pools, for images of 28 x 28: 61,706 parameters."""

    def __init__(self, in_channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc3(F.relu(self.fc2(x)))


class VGG(nn.Module):
    """A small VGG: two stages of two 3x3 convolutions, each ended by a 2x2 max pool, and two dense layers."""

    def __init__(
        self,
        in_channels: int = 1,
        channels: tuple[int, int] = (32, 64),
        hidden: int = 128,
        classes: int = 10,
        image_size: int = 28,
    ) -> None:
        super().__init__()
        first, second = channels
        side = image_size // 2 // 2
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, first, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, first, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(second, second, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(second * side * side, hidden), nn.ReLU(), nn.Linear(hidden, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, and the input added before the last ReLU."""

    def __init__(self, in_channels: int, channels: int, stride: int = 1, shortcut: str = "A") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.extra_channels = channels - in_channels
        self.shortcut: nn.Module | None = None
        if shortcut == "B" and (stride != 1 or in_channels != channels):
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.shortcut is not None:
            x = self.shortcut(x)
        elif self.stride != 1 or self.extra_channels:
            before = self.extra_channels // 2
            pad = (0, 0, 0, 0, before, self.extra_channels - before)
            x = F.pad(x[:, :, :: self.stride, :: self.stride], pad)
        return F.relu(y + x)


class ResNet20(nn.Module):
    """ResNet-20 for images of 32 x 32: 269,722 parameters with shortcuts A."""

    def __init__(self, in_channels: int = 3, classes: int = 10, shortcut: str = "A") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, 1, shortcut)
        self.layer2 = self._stage(16, 32, 2, shortcut)
        self.layer3 = self._stage(32, 64, 2, shortcut)
        self.fc = nn.Linear(64, classes)

    @staticmethod
    def _stage(in_channels: int, channels: int, stride: int, shortcut: str) -> nn.Sequential:
        return nn.Sequential(
            BasicBlock(in_channels, channels, stride, shortcut),
            BasicBlock(channels, channels, 1, shortcut),
            BasicBlock(channels, channels, 1, shortcut),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))
