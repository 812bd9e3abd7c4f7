"""``torch.nn.modules.module``: the base of all modules."""

from cnn_physics77.core.layers.module import *
