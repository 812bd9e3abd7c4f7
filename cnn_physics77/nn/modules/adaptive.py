"""``torch.nn.modules.adaptive``: a softmax over very many classes."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import adaptive as _code
from cnn_physics77.core.layers.adaptive import *

_places.settle(globals(), _code)
