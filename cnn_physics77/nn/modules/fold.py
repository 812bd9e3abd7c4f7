"""``torch.nn.modules.fold``: fold and unfold."""

from cnn_physics77.core.layers.unfold import *
