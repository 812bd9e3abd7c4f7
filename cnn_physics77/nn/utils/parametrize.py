"""``torch.nn.utils.parametrize``: parameters that modules compute."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import parametrize as _code
from cnn_physics77.core.layers.parametrize import *

__all__ = _code.__all__

_places.settle(globals(), _code)
