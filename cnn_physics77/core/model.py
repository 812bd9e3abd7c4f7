"""The networks: the specification's CNN, and four of the literature's for images.

Each takes images (N, C, H, W) and gives logits (N, classes). Attributes, and with them the names in the ``state_dict``, are
those of the PyTorch twins in ``benchmarks/CNN_torch.py``.
"""

from __future__ import annotations

from itertools import pairwise

from cnn_physics77.core import init
from cnn_physics77.core import operations as F
from cnn_physics77.core.layers.activation import ReLU
from cnn_physics77.core.layers.containers import Sequential
from cnn_physics77.core.layers.convolution import Conv2d
from cnn_physics77.core.layers.linear import Linear
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.pooling import MaxPool2d
from cnn_physics77.core.random import Generator
from cnn_physics77.core.tensor import Tensor


class CNN(Module):
    """The specification's network: Conv2d without padding and bias - ReLU - flatten - Linear - ReLU - Linear.

    Args:
        in_channels: of the images.
        channels: of the convolution.
        kernel_size: of the convolution, in pixels.
        hidden: width of the first dense layer.
        classes: number of logits.
        image_size: height and width of the images, in pixels.

    >>> import cnn_physics77 as torch
    >>> model = CNN()
    >>> sum(p.numel() for p in model.parameters())
    693714
    >>> model(torch.zeros(2, 1, 28, 28)).shape
    (2, 10)
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
        self.conv = Conv2d(in_channels, channels, kernel_size, bias=False)
        self.fc1 = Linear(channels * side * side, hidden)
        self.fc2 = Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv(x))
        x = F.relu(self.fc1(F.flatten(x, 1)))
        return self.fc2(x)


class MLP(Module):
    """Dense layers with ReLU between them; the images are flattened.

    Args:
        sizes: from the number of pixels to the number of classes.

    >>> MLP()
    MLP(
      (layers): Sequential(
        (0): Linear(in_features=784, out_features=512, bias=True)
        (1): ReLU()
        (2): Linear(in_features=512, out_features=512, bias=True)
        (3): ReLU()
        (4): Linear(in_features=512, out_features=10, bias=True)
      )
    )
    """

    def __init__(self, sizes: tuple[int, ...] = (784, 512, 512, 10)) -> None:
        super().__init__()
        layers: list[Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [Linear(inputs, outputs), ReLU()]
        self.layers = Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(F.flatten(x, 1))


class LeNet5(Module):
    """LeNet-5 (LeCun et al. 1998) with today's ReLU and max pools, for images of 28 x 28: 61,706 parameters.

    Conv(6, 5x5, padding 2) - pool - Conv(16, 5x5) - pool - dense 120 - dense 84 - logits.
    """

    def __init__(self, in_channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = Conv2d(in_channels, 6, 5, padding=2)
        self.conv2 = Conv2d(6, 16, 5)
        self.fc1 = Linear(16 * 5 * 5, 120)
        self.fc2 = Linear(120, 84)
        self.fc3 = Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(F.flatten(x, 1)))
        return self.fc3(F.relu(self.fc2(x)))


class VGG(Module):
    """A small VGG (Simonyan and Zisserman 2015): two stages of two 3x3 convolutions, each ended by a 2x2 max pool.

    Args:
        in_channels: of the images.
        channels: of the two stages.
        hidden: width of the dense layer.
        classes: number of logits.
        image_size: height and width of the images, in pixels.
    """

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
        self.features = Sequential(
            Conv2d(in_channels, first, 3, padding=1),
            ReLU(),
            Conv2d(first, first, 3, padding=1),
            ReLU(),
            MaxPool2d(2),
            Conv2d(first, second, 3, padding=1),
            ReLU(),
            Conv2d(second, second, 3, padding=1),
            ReLU(),
            MaxPool2d(2),
        )
        self.classifier = Sequential(
            Linear(second * side * side, hidden),
            ReLU(),
            Linear(hidden, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(F.flatten(self.features(x), 1))


def init_normal(model: Module, std: float = 0.01, generator: Generator | None = None) -> Module:
    """The specification's initial values: weights from N(0, std²), biases 0; returns the model.

    Parameters whose name ends in "bias" are biases; all others are weights, drawn in the order of
    ``named_parameters()``.

    >>> import cnn_physics77 as torch
    >>> model = init_normal(MLP((2, 3)))
    >>> model.layers[0].bias.detach()
    tensor([0., 0., 0.])
    """
    for name, parameter in model.named_parameters():
        if name.rpartition(".")[2] == "bias":
            init.zeros_(parameter)
        else:
            init.normal_(parameter, 0.0, std, generator)
    return model
