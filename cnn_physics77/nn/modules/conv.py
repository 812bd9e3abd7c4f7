"""``torch.nn.modules.conv``: convolutions."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import convolution as _code
from cnn_physics77.core.layers.convolution import *
from cnn_physics77.core.layers.convolution import Convolution as _ConvNd

_places.settle(globals(), _code)
