"""Local response normalization: PyTorch has it in ``torch.nn.modules.normalization``."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import local_response_norm as _code
from cnn_physics77.core.layers.local_response_norm import *

_places.settle(globals(), _code)
