"""``torch.nn.modules.linear``: linear layers."""

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers import linear as _code
from cnn_physics77.core.layers.linear import *
from cnn_physics77.nn.modules._late import layers as _layers
from cnn_physics77.nn.modules._late import lazy_layers as _lazy_layers

__all__ = _code.__all__
__getattr__, __dir__ = _lazy.attributes(globals(), _layers("bilinear") | _lazy_layers("Linear"))

_places.settle(globals(), _code)

NonDynamicallyQuantizableLinear = _code.Linear  # of MultiheadAttention in PyTorch's files
