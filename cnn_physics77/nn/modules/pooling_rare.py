"""Power-average and fractional pooling, which PyTorch has in ``torch.nn.modules.pooling``."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import pooling_rare as _code
from cnn_physics77.core.layers.pooling_rare import *

_places.settle(globals(), _code)
