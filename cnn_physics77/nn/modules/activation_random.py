"""Random activations, which PyTorch has in ``torch.nn.modules.activation``."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import activation_random as _code
from cnn_physics77.core.layers.activation_random import *

_places.settle(globals(), _code)
