"""``torch.nn.modules.normalization``: normalization of groups and layers."""

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers import normalization as _code
from cnn_physics77.core.layers.normalization import GroupNorm, LayerNorm, RMSNorm
from cnn_physics77.nn.modules._late import layers as _layers

__all__ = ["GroupNorm", "LayerNorm", "RMSNorm"]

__getattr__, __dir__ = _lazy.attributes(globals(), _layers("local_response_norm"))

_places.settle(globals(), _code)
