"""``torch.nn.modules.distance``: distances."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import distance as _code
from cnn_physics77.core.layers.distance import *

_places.settle(globals(), _code)
