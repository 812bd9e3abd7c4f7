"""``torch.nn``: layers, losses, containers."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import *
from cnn_physics77.nn import functional, init, modules, parallel, utils
from cnn_physics77.nn.parallel import DataParallel
from cnn_physics77.nn.parameter import Buffer, Parameter

_places.settle(globals())
