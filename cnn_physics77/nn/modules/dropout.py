"""``torch.nn.modules.dropout``: dropout."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import dropout as _code
from cnn_physics77.core.layers.dropout import *
from cnn_physics77.core.layers.dropout import _DropoutNd

_places.settle(globals(), _code)
