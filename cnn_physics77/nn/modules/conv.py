"""``torch.nn.modules.conv``: convolutions."""

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers import convolution as _code
from cnn_physics77.core.layers.convolution import *
from cnn_physics77.core.layers.convolution import Convolution as _ConvNd
from cnn_physics77.nn.modules._late import lazy_layers as _lazy_layers

__all__ = _code.__all__
__getattr__, __dir__ = _lazy.attributes(globals(), _lazy_layers("Conv"))

_places.settle(globals(), _code)
