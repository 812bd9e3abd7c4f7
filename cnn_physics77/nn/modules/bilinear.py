"""Bilinear forms, which PyTorch has in ``torch.nn.modules.linear``."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import bilinear as _code
from cnn_physics77.core.layers.bilinear import *

_places.settle(globals(), _code)
