"""``torch.nn.modules.loss``: losses."""

from cnn_physics77.core.layers.loss import *
from cnn_physics77.core.layers.loss import _Loss, _WeightedLoss
