"""``torch.nn.utils.weight_norm``, as a hook."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import weight_norm as _code
from cnn_physics77.core.layers.weight_norm import WeightNorm, remove_weight_norm, weight_norm

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]

_places.settle(globals(), _code)
