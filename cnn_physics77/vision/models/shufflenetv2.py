"""``torchvision.models.shufflenetv2``: half of the channels pass a block as they are (N. Ma et al.,
arXiv:1807.11164).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnn_physics77 import nn
from cnn_physics77.core.operations.indexing.cat_split import cat, chunk
from cnn_physics77.core.operations.nn.pixel_shuffle import channel_shuffle
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker


def _pointwise(inp: int, oup: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inp, oup, 1, bias=False), nn.BatchNorm2d(oup), nn.ReLU(inplace=True)


def _depthwise(channels: int, stride: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
    )


class InvertedResidual(nn.Module):
    """Convolutions of half of the channels beside the other half, which stays, or of both with a stride."""

    def __init__(self, inp: int, oup: int, stride: int) -> None:
        super().__init__()
        half = oup // 2
        if stride not in (1, 2) or (stride == 1 and inp != 2 * half):
            raise ValueError(
                "InvertedResidual: expected stride 2, or 1 with as many channels in as out, found "
                f"{stride}, {inp} and {oup}"
            )
        self.stride = stride
        first = (*_depthwise(inp, stride), *_pointwise(inp, half)) if stride > 1 else ()
        self.branch1 = nn.Sequential(*first)
        self.branch2 = nn.Sequential(
            *_pointwise(inp if stride > 1 else half, half), *_depthwise(half, stride), *_pointwise(half, half)
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            left, right = chunk(x, 2, 1)
        else:
            left, right = self.branch1(x), x
        return channel_shuffle(cat((left, self.branch2(right)), 1), 2)


class ShuffleNetV2(nn.Module):
    """Three groups of blocks, and a linear layer.

    Args:
        stages_repeats: the number of blocks of each group.
        stages_out_channels: those of the first convolution, of each group, and of the last convolution.
        num_classes: the number of outputs.
    """

    def __init__(
        self, stages_repeats: Sequence[int], stages_out_channels: Sequence[int], num_classes: int = 1000
    ) -> None:
        super().__init__()
        if len(stages_repeats) != 3 or len(stages_out_channels) != 5:
            raise ValueError(
                "ShuffleNetV2: expected 3 stages_repeats and 5 stages_out_channels, found "
                f"{stages_repeats} and {stages_out_channels}"
            )
        channels, *groups, last = stages_out_channels
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        stages = []
        for repeats, out in zip(stages_repeats, groups):
            rest = (InvertedResidual(out, out, 1) for _ in range(repeats - 1))
            stages.append(nn.Sequential(InvertedResidual(channels, out, 2), *rest))
            channels = out
        self.stage2, self.stage3, self.stage4 = stages
        self.conv5 = nn.Sequential(*_pointwise(channels, last))
        self.fc = nn.Linear(last, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))
        x = self.conv5(self.stage4(self.stage3(self.stage2(x))))
        return self.fc(x.mean((2, 3)))


def _shufflenet(name: str, channels: Sequence[int]) -> Callable[..., Any]:
    return maker(
        name, f"{name}: a :class:`ShuffleNetV2`.", lambda **s: ShuffleNetV2((4, 8, 4), channels, **s)
    )


shufflenet_v2_x0_5 = _shufflenet("shufflenet_v2_x0_5", (24, 48, 96, 192, 1024))
shufflenet_v2_x1_0 = _shufflenet("shufflenet_v2_x1_0", (24, 116, 232, 464, 1024))
shufflenet_v2_x1_5 = _shufflenet("shufflenet_v2_x1_5", (24, 176, 352, 704, 1024))
shufflenet_v2_x2_0 = _shufflenet("shufflenet_v2_x2_0", (24, 244, 488, 976, 2048))

__all__ = [
    "ShuffleNetV2",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5",
    "shufflenet_v2_x2_0",
]
