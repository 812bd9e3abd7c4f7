"""``torch.nn.modules.normalization``: normalization of groups and layers."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import normalization as _code
from cnn_physics77.core.layers.normalization import GroupNorm, LayerNorm, RMSNorm

__all__ = ["GroupNorm", "LayerNorm", "RMSNorm"]

_places.settle(globals(), _code)
