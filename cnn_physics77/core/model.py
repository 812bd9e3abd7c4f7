"""The networks: the specification's CNN, and four image classifiers from the literature.

Each maps images (N, C, H, W) to logits (N, classes). The attributes, and so the names in the ``state_dict``,
are those of the PyTorch networks in ``benchmarks/CNN_torch.py``.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import NamedTuple

from cnn_physics77.core import init
from cnn_physics77.core import operations as F
from cnn_physics77.core.layers.activation import ReLU
from cnn_physics77.core.layers.containers import Sequential
from cnn_physics77.core.layers.convolution import Conv2d, Convolution
from cnn_physics77.core.layers.linear import Linear
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.normalization import BatchNorm2d
from cnn_physics77.core.layers.pooling import MaxPool2d
from cnn_physics77.core.random import Generator
from cnn_physics77.core.recording import no_grad
from cnn_physics77.core.tensor import Tensor


class CNN(Module):
    """The specification's network: Conv2d without padding and bias - ReLU - flatten - Linear - ReLU - Linear.

    Args:
        in_channels: of the images.
        channels: of the convolution.
        kernel_size: of the convolution, in pixels.
        hidden: width of the hidden dense layer.
        classes: number of logits.
        image_size: height and width of the images, in pixels.

    >>> import cnn_physics77 as torch
    >>> model = CNN()
    >>> sum(p.numel() for p in model.parameters())
    693714
    >>> model(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
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
    """Dense layers with ReLU between them. The images are flattened.

    Args:
        sizes: widths, from the number of pixels to the number of classes.

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
    """LeNet-5 (LeCun et al. 1998) with ReLU and max pooling, for images of 28 x 28: 61,706 parameters.

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
    """A small VGG (Simonyan and Zisserman 2015).

    Two stages of two 3x3 convolutions and a 2x2 max pool.

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


class BasicBlock(Module):
    """Two 3x3 convolutions with batch norm; the input is added before the last ReLU.

    Args:
        in_channels, channels: of the input and the output.
        stride: of the first convolution.
        shortcut: how the input is brought to the output's shape, if they differ. ``"A"``: every stride-th
            pixel, padded with zero channels, half of them at each end; ``"B"``: a 1x1 convolution with batch
            norm.
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1, shortcut: str = "A") -> None:
        super().__init__()
        self.conv1 = Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(channels)
        self.conv2 = Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(channels)
        self.stride = stride
        self.extra_channels = channels - in_channels
        self.shortcut: Module | None = None
        if shortcut == "B" and (stride != 1 or in_channels != channels):
            self.shortcut = Sequential(
                Conv2d(in_channels, channels, 1, stride, bias=False), BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.shortcut is not None:
            x = self.shortcut(x)
        elif self.stride != 1 or self.extra_channels:
            x = x[:, :, :: self.stride, :: self.stride]
            before = self.extra_channels // 2
            x = F.pad(x, (0, 0, 0, 0, before, self.extra_channels - before))
        return F.relu(y + x)


class ResNet20(Module):
    """ResNet-20 for images of 32 x 32 (He et al. 2016, section 4.2).

    A 3x3 convolution; three stages of three blocks with 16, 32 and 64 channels, of which the last two start
    with stride 2; the mean over all pixels; logits. The weights of convolutions are drawn from
    N(0, 2/fan_out) (He et al. 2015). With shortcuts A, the paper's, there are 269,722 parameters.

    Args:
        in_channels: of the images.
        classes: number of logits.
        shortcut: ``"A"`` or ``"B"``: see :class:`BasicBlock`.

    Raises:
        ValueError: an unknown shortcut.
    """

    def __init__(self, in_channels: int = 3, classes: int = 10, shortcut: str = "A") -> None:
        super().__init__()
        if shortcut not in ("A", "B"):
            raise ValueError(f"ResNet20: expected shortcut 'A' or 'B', found {shortcut!r}")
        self.conv1 = Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, 1, shortcut)
        self.layer2 = self._stage(16, 32, 2, shortcut)
        self.layer3 = self._stage(32, 64, 2, shortcut)
        self.fc = Linear(64, classes)
        for module in self.modules():
            if isinstance(module, Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @staticmethod
    def _stage(in_channels: int, channels: int, stride: int, shortcut: str) -> Sequential:
        return Sequential(
            BasicBlock(in_channels, channels, stride, shortcut),
            BasicBlock(channels, channels, 1, shortcut),
            BasicBlock(channels, channels, 1, shortcut),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(F.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def init_normal(model: Module, std: float = 0.01, generator: Generator | None = None) -> Module:
    """Set the specification's initial values: weights from N(0, std²), biases 0. Returns the model.

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


# ------------------------------------------------------------------------------------------- summary


class LayerSummary(NamedTuple):
    """One line of a :class:`Summary`."""

    name: str
    """The dotted name of the layer in the network."""
    kind: str
    """The name of its class."""
    output_shape: tuple[int, ...]
    parameters: int
    """Elements of its own parameters, without those that an earlier line has counted."""
    bytes: int
    """Memory of these parameters and of its buffers."""
    flops: int
    """Multiplications and additions for the whole batch; 0 for layers other than convolutions and linear."""


class Summary(NamedTuple):
    """The layers of a network in the order of their calls; ``str()`` returns a table."""

    model: str
    layers: list[LayerSummary]

    @property
    def parameters(self) -> int:
        """Elements of all parameters."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def bytes(self) -> int:
        """Memory of all parameters and buffers."""
        return sum(layer.bytes for layer in self.layers)

    @property
    def flops(self) -> int:
        """Multiplications and additions of all convolutions and linear layers."""
        return sum(layer.flops for layer in self.layers)

    def __str__(self) -> str:
        heading = ("Layer", "Output shape", "Parameters", "Bytes", "FLOPs")
        lines = [
            (
                f"{layer.name} ({layer.kind})",
                " x ".join(map(str, layer.output_shape)),
                f"{layer.parameters:,}",
                f"{layer.bytes:,}",
                f"{layer.flops:,}",
            )
            for layer in self.layers
        ]
        total = (self.model, "", f"{self.parameters:,}", f"{self.bytes:,}", f"{self.flops:,}")
        widths = [max(map(len, column)) for column in zip(heading, *lines, total)]
        rule = "-" * (sum(widths) + 2 * len(widths) - 2)

        def row(cells: tuple[str, ...]) -> str:
            left = [cell.ljust(width) for cell, width in zip(cells[:2], widths)]
            right = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:])]
            return "  ".join(left + right).rstrip()

        return "\n".join([row(heading), rule, *map(row, lines), rule, row(total)])


def _flops(module: Module, args: tuple, output: Tensor) -> int:
    """A product of (m, k) and (k, n) takes 2 m k n operations; a bias takes one per output."""
    if not isinstance(module, Linear | Convolution):
        return 0
    bias = output.numel() if module.bias is not None else 0
    if isinstance(module, Convolution) and module.transposed:  # every input is multiplied by a whole kernel
        return 2 * args[0].numel() * prod(module.weight.shape[1:]) + bias
    return 2 * output.numel() * prod(module.weight.shape[1:]) + bias


def summary(model: Module, input_size: tuple[int, ...]) -> Summary:
    """The summary of a network, from one call in evaluation mode on zeros.

    Args:
        input_size: the shape of the input, batch included.

    There is a line for each module that has no submodules, or has parameters of its own, in the order of the
    calls.

    >>> print(summary(CNN(), (64, 1, 28, 28)))
    Layer          Output shape      Parameters      Bytes       FLOPs
    ------------------------------------------------------------------
    conv (Conv2d)  64 x 8 x 26 x 26          72        288   6,230,016
    fc1 (Linear)   64 x 128             692,352  2,769,408  88,612,864
    fc2 (Linear)   64 x 10                1,290      5,160     164,480
    ------------------------------------------------------------------
    CNN                                 693,714  2,774,856  95,007,360
    """
    lines: list[LayerSummary] = []
    counted: set = set()

    def note(name: str, module: Module):
        def hook(module: Module, args, output) -> None:
            own = [p for p in module.parameters(recurse=False) if p not in counted]
            buffers = [b for b in module.buffers(recurse=False) if b not in counted]
            counted.update(own, buffers)
            lines.append(
                LayerSummary(
                    name or type(module).__name__,
                    type(module).__name__,
                    output.shape if isinstance(output, Tensor) else (),
                    sum(p.numel() for p in own),
                    sum(t.nbytes for t in (*own, *buffers)),
                    _flops(module, args, output),
                )
            )

        return module.register_forward_hook(hook)

    named = list(model.named_modules())
    handles = [
        note(name, module)
        for name, module in named
        if not any(True for _ in module.children()) or any(True for _ in module.parameters(recurse=False))
    ]
    modes = [(module, module.training) for _, module in named]
    dtype = next((p.dtype for p in model.parameters()), None)
    try:
        with no_grad():
            model.eval()(F.zeros(input_size, dtype=dtype))
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
    return Summary(type(model).__name__, lines)
