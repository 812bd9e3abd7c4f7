"""``torchvision.models.alexnet``: AlexNet with one tower (A. Krizhevsky, arXiv:1404.5997)."""

from __future__ import annotations

from cnn_physics77 import nn
from cnn_physics77.core.operations.indexing.shape import flatten
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker


class AlexNet(nn.Module):
    """Five convolutions, a pooling to 6 x 6, and three linear layers.

    Args:
        num_classes: the number of outputs.
        dropout: the probability of a zero before the first two linear layers.
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2), nn.ReLU(inplace=True)),
            nn.MaxPool2d(kernel_size=3, stride=2),
            *(nn.Conv2d(64, 192, kernel_size=5, padding=2), nn.ReLU(inplace=True)),
            nn.MaxPool2d(kernel_size=3, stride=2),
            *(nn.Conv2d(192, 384, kernel_size=3, padding=1), nn.ReLU(inplace=True)),
            *(nn.Conv2d(384, 256, kernel_size=3, padding=1), nn.ReLU(inplace=True)),
            *(nn.Conv2d(256, 256, kernel_size=3, padding=1), nn.ReLU(inplace=True)),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            *(nn.Dropout(p=dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True)),
            *(nn.Dropout(p=dropout), nn.Linear(4096, 4096), nn.ReLU(inplace=True)),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(flatten(self.avgpool(self.features(x)), 1))


alexnet = maker("alexnet", "An :class:`AlexNet`.", AlexNet)

__all__ = ["AlexNet", "alexnet"]
