"""``torch.nn.modules.padding``: padding."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import padding as _code
from cnn_physics77.core.layers.padding import *

_places.settle(globals(), _code)
