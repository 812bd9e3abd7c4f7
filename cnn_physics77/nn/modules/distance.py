"""``torch.nn.modules.distance``: distances."""

from cnn_physics77.core.layers.distance import *
