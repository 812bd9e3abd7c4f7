"""``torch.nn.init``: initial values of parameters."""

from cnn_physics77 import _places
from cnn_physics77.core.init import *

_places.settle(globals())
