"""``torch.nn.utils``: gradients of all parameters together, parameters as a vector."""

from cnn_physics77.core.layers.gradients import *
from cnn_physics77.core.layers.vector import *
