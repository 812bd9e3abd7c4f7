"""``torchvision.models.vgg``: plain deep networks (K. Simonyan and A. Zisserman, arXiv:1409.1556)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnn_physics77 import nn
from cnn_physics77.core.operations.indexing.shape import flatten
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker

cfgs: dict[str, list[str | int]] = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", *[256] * 3, "M", *[512] * 3, "M", *[512] * 3, "M"],
    "E": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}
"""The channels of the convolutions, and "M" for a pooling, under the names of the paper."""


def make_layers(cfg: list[str | int], batch_norm: bool = False) -> nn.Sequential:
    """The convolutions and poolings of a list of :data:`cfgs`."""
    layers: list[nn.Module] = []
    channels = 3
    for size in cfg:
        if isinstance(size, str):
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        layers.append(nn.Conv2d(channels, size, kernel_size=3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(size))
        layers.append(nn.ReLU(inplace=True))
        channels = size
    return nn.Sequential(*layers)


class VGG(nn.Module):
    """Convolutions, a pooling to 7 x 7, and three linear layers.

    Args:
        features: the convolutions, with 512 channels at the end; see :func:`make_layers`.
        num_classes: the number of outputs.
        init_weights: whether to initialise as the paper's authors did for deep networks.
        dropout: the probability of a zero between the linear layers.
    """

    def __init__(
        self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            *(nn.Linear(512 * 7 * 7, 4096), nn.ReLU(True), nn.Dropout(p=dropout)),
            *(nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(p=dropout)),
            nn.Linear(4096, num_classes),
        )
        for module in self.modules() if init_weights else ():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.constant_(module.weight, 1)  # type: ignore[arg-type]
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
            else:
                continue
            if module.bias is not None:
                nn.init.constant_(module.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(flatten(self.avgpool(self.features(x)), 1))


def _vgg(name: str, cfg: str, batch_norm: bool = False) -> Callable[..., Any]:
    return maker(name, f"{name}: a :class:`VGG`.", lambda **s: VGG(make_layers(cfgs[cfg], batch_norm), **s))


vgg11, vgg11_bn = _vgg("vgg11", "A"), _vgg("vgg11_bn", "A", True)
vgg13, vgg13_bn = _vgg("vgg13", "B"), _vgg("vgg13_bn", "B", True)
vgg16, vgg16_bn = _vgg("vgg16", "D"), _vgg("vgg16_bn", "D", True)
vgg19, vgg19_bn = _vgg("vgg19", "E"), _vgg("vgg19_bn", "E", True)

__all__ = ["VGG", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"]
