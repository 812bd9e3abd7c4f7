"""``torch.nn.utils.fusion``: a layer and the batch norm after it as one layer."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import fusion as _code
from cnn_physics77.core.layers.fusion import *

__all__ = _code.__all__

_places.settle(globals(), _code)
