"""Batch normalization of several processes: PyTorch has it in ``torch.nn.modules.batchnorm``."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import sync_batchnorm as _code
from cnn_physics77.core.layers.sync_batchnorm import *

_places.settle(globals(), _code)
