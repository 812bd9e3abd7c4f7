"""``torch.nn.modules.pooling``: pooling."""

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers import pooling as _code
from cnn_physics77.core.layers.pooling import *
from cnn_physics77.core.layers.pooling import (
    _AdaptiveAvgPoolNd,
    _AdaptiveMaxPoolNd,
    _AvgPoolNd,
    _MaxPoolNd,
)
from cnn_physics77.nn.modules._late import layers as _layers

__all__ = _code.__all__
__getattr__, __dir__ = _lazy.attributes(globals(), _layers("pooling_rare"))

_places.settle(globals(), _code)
