"""``torch.nn.modules.padding``: padding."""

from cnn_physics77.core.layers.padding import *
