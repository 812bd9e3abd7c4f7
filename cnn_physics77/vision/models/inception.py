"""``torchvision.models.inception``: large convolutions as several small ones (C. Szegedy et al.,
arXiv:1512.00567).
"""

from __future__ import annotations

from typing import NamedTuple

from cnn_physics77 import nn
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.shape import flatten
from cnn_physics77.core.operations.nn.adaptive_pooling import adaptive_avg_pool2d
from cnn_physics77.core.operations.nn.pooling import avg_pool2d, max_pool2d
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker
from cnn_physics77.vision.models.googlenet import BasicConv2d, as_symmetric, initialize


class _Beside(nn.Module):
    """Chains of convolutions beside each other, each under its name and, if it is longer than one, a number.

    Args:
        in_channels: those of the image.
        chains: for each name, (channels, kernel) or (channels, kernel, stride) of each convolution. A kernel
            is a number or a pair; without a stride it keeps the size of the image. Two convolutions in a list
            end a chain beside each other, under the letters a and b.
        pool: the channels of a convolution of the averages; None for the maxima with stride 2.
    """

    def __init__(self, in_channels: int, chains: dict[str, list], pool: int | None) -> None:
        super().__init__()
        self.chains: list[list[list[str]]] = []
        for name, chain in chains.items():
            channels, names = in_channels, []
            for number, step in enumerate(chain, 1):
                steps = step if isinstance(step, list) else [step]
                label = f"{name}_{number}" if len(chain) > 1 else name
                letters = "ab" if len(steps) > 1 else ("",)
                for letter, one in zip(letters, steps):
                    self.add_module(label + letter, _convolution(channels, *one))
                names.append([label + letter for letter in letters])
                channels = steps[0][0]
            self.chains.append(names)
        self.branch_pool = None if pool is None else BasicConv2d(in_channels, pool, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        made = []
        for *chain, last in self.chains:
            y = x
            for (name,) in chain:
                y = getattr(self, name)(y)
            made += [getattr(self, name)(y) for name in last]
        pooled = max_pool2d(x, 3, 2) if self.branch_pool is None else self.branch_pool(avg_pool2d(x, 3, 1, 1))
        return cat([*made, pooled], 1)


def _convolution(channels: int, out: int, kernel: int | tuple[int, int], stride: int = 1) -> BasicConv2d:
    sizes = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (sizes[0] // 2, sizes[1] // 2) if stride == 1 else 0
    return BasicConv2d(channels, out, kernel_size=kernel, stride=stride, padding=padding)


def _a(channels: int, pool: int) -> _Beside:
    chains: dict[str, list] = {
        "branch1x1": [(64, 1)],
        "branch5x5": [(48, 1), (64, 5)],
        "branch3x3dbl": [(64, 1), (96, 3), (96, 3)],
    }
    return _Beside(channels, chains, pool)


def _b(channels: int) -> _Beside:
    return _Beside(
        channels, {"branch3x3": [(384, 3, 2)], "branch3x3dbl": [(64, 1), (96, 3), (96, 3, 2)]}, None
    )


def _c(channels: int, n: int) -> _Beside:
    chains: dict[str, list] = {
        "branch1x1": [(192, 1)],
        "branch7x7": [(n, 1), (n, (1, 7)), (192, (7, 1))],
        "branch7x7dbl": [(n, 1), (n, (7, 1)), (n, (1, 7)), (n, (7, 1)), (192, (1, 7))],
    }
    return _Beside(channels, chains, 192)


def _d(channels: int) -> _Beside:
    chains: dict[str, list] = {
        "branch3x3": [(192, 1), (320, 3, 2)],
        "branch7x7x3": [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2)],
    }
    return _Beside(channels, chains, None)


def _e(channels: int) -> _Beside:
    ends = [(384, (1, 3)), (384, (3, 1))]
    chains: dict[str, list] = {
        "branch1x1": [(320, 1)],
        "branch3x3": [(384, 1), ends],
        "branch3x3dbl": [(448, 1), (384, 3), ends],
    }
    return _Beside(channels, chains, 192)


class InceptionAux(nn.Module):
    """Classes from the middle of the network, for training."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv0 = BasicConv2d(in_channels, 128, kernel_size=1)
        self.conv1 = BasicConv2d(128, 768, kernel_size=5)
        self.conv1.stddev = 0.01
        self.fc = nn.Linear(768, num_classes)
        self.fc.stddev = 0.001

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(self.conv0(avg_pool2d(x, 5, 3)))
        return self.fc(flatten(adaptive_avg_pool2d(x, (1, 1)), 1))


class InceptionOutputs(NamedTuple):
    """What an :class:`Inception3` with ``aux_logits`` returns in training."""

    logits: Tensor
    aux_logits: Tensor


class Inception3(nn.Module):
    """Blocks of convolutions beside each other, and a linear layer, for images of 299 x 299 pixels.

    Args:
        num_classes: the number of outputs.
        aux_logits: whether to return :class:`InceptionOutputs` in training.
        transform_input, init_weights: as of :class:`.GoogLeNet`.
        dropout: the probability of a zero before the last layer.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool = True,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.aux_logits, self.transform_input = aux_logits, transform_input
        self.Conv2d_1a_3x3 = BasicConv2d(3, 32, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, kernel_size=3)
        self.Conv2d_2b_3x3 = BasicConv2d(32, 64, kernel_size=3, padding=1)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, kernel_size=3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _a(192, 32), _a(256, 64), _a(288, 64)
        self.Mixed_6a = _b(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d = _c(768, 128), _c(768, 160), _c(768, 160)
        self.Mixed_6e = _c(768, 192)
        self.AuxLogits = InceptionAux(768, num_classes) if aux_logits else None
        self.Mixed_7a, self.Mixed_7b, self.Mixed_7c = _d(768), _e(1280), _e(2048)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(2048, num_classes)
        if init_weights:
            initialize(self, 0.1)

    def forward(self, x: Tensor) -> Tensor | InceptionOutputs:
        x = as_symmetric(x) if self.transform_input else x
        x = self.maxpool1(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = self.maxpool2(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x))))
        middle = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(middle)))
        logits = self.fc(flatten(self.dropout(self.avgpool(x)), 1))
        if self.training and self.AuxLogits is not None:
            return InceptionOutputs(logits, self.AuxLogits(middle))
        return logits


inception_v3 = maker("inception_v3", "An :class:`Inception3`.", Inception3)

__all__ = ["Inception3", "InceptionOutputs", "inception_v3"]
