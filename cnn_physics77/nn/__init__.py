"""``torch.nn``: layers, losses, containers."""

from cnn_physics77.core.layers import *
from cnn_physics77.nn import functional, init, utils
