"""``torch.nn.modules.instancenorm``: instance normalization."""

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers import normalization as _code
from cnn_physics77.core.layers.normalization import (
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    _InstanceNorm,
)
from cnn_physics77.nn.modules._late import lazy_layers as _lazy_layers

__getattr__, __dir__ = _lazy.attributes(globals(), _lazy_layers("InstanceNorm"))

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]

_places.settle(globals(), _code)
