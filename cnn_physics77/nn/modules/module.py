"""``torch.nn.modules.module``: the base of all modules."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import module as _code
from cnn_physics77.core.layers.hooks_of_all import *
from cnn_physics77.core.layers.module import *
from cnn_physics77.core.layers.module import _addindent
from cnn_physics77.core.layers.registration import *
from cnn_physics77.core.layers.state import IncompatibleKeys as _IncompatibleKeys

_places.settle(globals(), _code)
