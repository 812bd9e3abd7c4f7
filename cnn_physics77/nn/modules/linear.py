"""``torch.nn.modules.linear``: linear layers."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import linear as _code
from cnn_physics77.core.layers.linear import *

_places.settle(globals(), _code)
