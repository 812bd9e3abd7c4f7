"""``torch.nn.modules.fold``: fold and unfold."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import unfold as _code
from cnn_physics77.core.layers.unfold import *

_places.settle(globals(), _code)
