"""``torch.nn.init``: initial values of parameters."""

from cnn_physics77.core.init import *
