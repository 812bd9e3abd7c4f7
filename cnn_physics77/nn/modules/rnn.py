"""``torch.nn.modules.rnn``: recurrent layers."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import rnn as _code
from cnn_physics77.core.layers.rnn import *

__all__ = _code.__all__

_places.settle(globals(), _code)
