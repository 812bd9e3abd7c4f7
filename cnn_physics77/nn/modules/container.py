"""``torch.nn.modules.container``: containers."""

from cnn_physics77.core.layers.containers import *
