"""``torch.nn.modules.flatten``: flatten and unflatten."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import shape as _code
from cnn_physics77.core.layers.shape import *

_places.settle(globals(), _code)
