"""``torch.nn.modules.activation``: activations."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import activation as _code
from cnn_physics77.core.layers.activation import *

_places.settle(globals(), _code)
