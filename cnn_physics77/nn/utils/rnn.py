"""``torch.nn.utils.rnn``: sequences of different lengths."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import packed_sequence as _code
from cnn_physics77.core.layers.packed_sequence import *

__all__ = _code.__all__

_places.settle(globals(), _code)
