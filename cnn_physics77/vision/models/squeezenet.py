"""``torchvision.models.squeezenet``: few parameters by narrow convolutions (F. N. Iandola et al.,
arXiv:1602.07360).
"""

from __future__ import annotations

from cnn_physics77 import nn
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.shape import flatten
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker


class Fire(nn.Module):
    """A narrow convolution by 1 x 1, and wide ones by 1 x 1 and 3 x 3 beside each other."""

    def __init__(
        self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int
    ) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        wide = self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))
        return cat(wide, 1)


_FIRST = {"1_0": (96, 7), "1_1": (64, 3)}
"""The channels and the kernel of the first convolution of each version."""
_FIRES: dict[str, list[tuple[int, int] | None]] = {
    "1_0": [None, *[(16, 64)] * 2, (32, 128), None, (32, 128), *[(48, 192)] * 2, (64, 256), None, (64, 256)],
    "1_1": [None, *[(16, 64)] * 2, None, *[(32, 128)] * 2, None, *[(48, 192)] * 2, *[(64, 256)] * 2],
}
"""The narrow and wide channels of each :class:`Fire`, and None for a pooling."""


class SqueezeNet(nn.Module):
    """Fire modules with poolings between them, and a convolution to the classes.

    Args:
        version: "1_0" or "1_1".
        num_classes: the number of outputs.
        dropout: the probability of a zero before the last convolution.
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        if version not in _FIRST:
            raise ValueError(f"SqueezeNet: expected version 1_0 or 1_1, found {version}")
        channels, size = _FIRST[version]
        layers: list[nn.Module] = [nn.Conv2d(3, channels, kernel_size=size, stride=2), nn.ReLU(inplace=True)]
        for fire in _FIRES[version]:
            if fire is None:
                layers.append(nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
                continue
            narrow, wide = fire
            layers.append(Fire(channels, narrow, wide, wide))
            channels = 2 * wide
        self.features = nn.Sequential(*layers)
        final = nn.Conv2d(channels, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            *(nn.Dropout(p=dropout), final, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1)))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is final:
                    nn.init.normal_(module.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(module.weight)
                nn.init.constant_(module.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        return flatten(self.classifier(self.features(x)), 1)


squeezenet1_0 = maker(
    "squeezenet1_0", "A :class:`SqueezeNet` of version 1.0.", lambda **s: SqueezeNet("1_0", **s)
)
squeezenet1_1 = maker(
    "squeezenet1_1", "A :class:`SqueezeNet` of version 1.1.", lambda **s: SqueezeNet("1_1", **s)
)

__all__ = ["SqueezeNet", "squeezenet1_0", "squeezenet1_1"]
