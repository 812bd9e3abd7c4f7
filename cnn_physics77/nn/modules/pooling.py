"""``torch.nn.modules.pooling``: pooling."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import pooling as _code
from cnn_physics77.core.layers.pooling import *

_places.settle(globals(), _code)
