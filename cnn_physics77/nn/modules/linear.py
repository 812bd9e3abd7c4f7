"""``torch.nn.modules.linear``: linear layers."""

from cnn_physics77.core.layers.linear import *
