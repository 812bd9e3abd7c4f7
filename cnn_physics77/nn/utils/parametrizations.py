"""``torch.nn.utils.parametrizations``: weight norm, spectral norm."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import parametrizations as _code
from cnn_physics77.core.layers.parametrizations import *

__all__ = _code.__all__

_places.settle(globals(), _code)
