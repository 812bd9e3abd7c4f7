"""``torch.nn.modules.conv``: convolutions."""

from cnn_physics77.core.layers.convolution import *
from cnn_physics77.core.layers.convolution import Convolution as _ConvNd
