"""``torch.nn.utils.prune``: parameters with masks."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import prune as _code
from cnn_physics77.core.layers.prune import *

__all__ = _code.__all__

_places.settle(globals(), _code)
