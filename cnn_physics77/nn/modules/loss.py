"""``torch.nn.modules.loss``: losses."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import loss as _code
from cnn_physics77.core.layers.loss import *
from cnn_physics77.core.layers.loss import _Loss, _WeightedLoss

_places.settle(globals(), _code)
