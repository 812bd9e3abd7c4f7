"""``torch.nn``: layers, losses, containers."""

from cnn_physics77.core.layers import *
from cnn_physics77.nn import functional, init, modules, parallel, parameter, utils
from cnn_physics77.nn.parallel import DataParallel
