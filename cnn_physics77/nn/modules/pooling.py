"""``torch.nn.modules.pooling``: pooling."""

from cnn_physics77.core.layers.pooling import *
