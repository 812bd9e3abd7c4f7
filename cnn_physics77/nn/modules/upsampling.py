"""``torch.nn.modules.upsampling``: images of another size."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import upsampling as _code
from cnn_physics77.core.layers.upsampling import *

_places.settle(globals(), _code)
