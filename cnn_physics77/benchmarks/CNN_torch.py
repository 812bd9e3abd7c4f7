"""The baseline: PyTorch's twins of the networks in `cnn_physics77.core.model`, as a PyTorch user writes them.

Each has the constructor arguments and the state_dict keys of its twin, so that weights move between them by
name.
"""

from __future__ import annotations

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
