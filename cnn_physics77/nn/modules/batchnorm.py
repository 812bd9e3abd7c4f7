"""``torch.nn.modules.batchnorm``: batch normalization."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import normalization as _code
from cnn_physics77.core.layers.normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d, _BatchNorm

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"]

_places.settle(globals(), _code)
