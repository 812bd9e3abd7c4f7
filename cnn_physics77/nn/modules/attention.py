"""Attention in several heads; ``torch.nn.modules.activation`` has it."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import attention as _code
from cnn_physics77.core.layers.attention import *

__all__ = _code.__all__

_places.settle(globals(), _code)
