"""``torch.nn.modules.dropout``: dropout."""

from cnn_physics77.core.layers.dropout import *
