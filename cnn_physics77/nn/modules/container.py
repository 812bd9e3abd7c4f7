"""``torch.nn.modules.container``: containers."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import containers as _code
from cnn_physics77.core.layers.containers import *

_places.settle(globals(), _code)
