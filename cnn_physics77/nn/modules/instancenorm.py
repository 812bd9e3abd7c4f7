"""``torch.nn.modules.instancenorm``: instance normalization."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import normalization as _code
from cnn_physics77.core.layers.normalization import (
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    _InstanceNorm,
)

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]

_places.settle(globals(), _code)
