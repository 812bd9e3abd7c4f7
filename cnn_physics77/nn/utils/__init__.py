"""``torch.nn.utils``: gradient clipping, and parameters as a vector."""

from cnn_physics77 import _places
from cnn_physics77.core.layers.gradients import *
from cnn_physics77.core.layers.vector import *

_places.settle(globals())
