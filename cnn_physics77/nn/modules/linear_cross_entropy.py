"""``torch.nn.modules.linear_cross_entropy``: the cross-entropy of a linear map."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import linear_cross_entropy as _code
from cnn_physics77.core.layers.linear_cross_entropy import *

_places.settle(globals(), _code)
