"""Losses with a margin, which PyTorch has in ``torch.nn.modules.loss``."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import loss_margin as _code
from cnn_physics77.core.layers.loss_margin import *

_places.settle(globals(), _code)
