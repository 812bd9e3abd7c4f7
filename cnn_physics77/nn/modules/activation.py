"""``torch.nn.modules.activation``: activations."""

from cnn_physics77.core.layers.activation import *
