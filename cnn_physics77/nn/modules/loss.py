"""``torch.nn.modules.loss``: losses."""

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers import loss as _code
from cnn_physics77.core.layers.loss import *
from cnn_physics77.core.layers.loss import _Loss, _WeightedLoss
from cnn_physics77.nn.modules._late import layers as _layers

__all__ = _code.__all__
__getattr__, __dir__ = _lazy.attributes(globals(), _layers("linear_cross_entropy", "loss_ctc", "loss_margin"))

_places.settle(globals(), _code)
