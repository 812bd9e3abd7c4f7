"""``torch.nn.modules.flatten``: flatten and unflatten."""

from cnn_physics77.core.layers.shape import *
