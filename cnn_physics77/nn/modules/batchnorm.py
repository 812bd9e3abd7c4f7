"""``torch.nn.modules.batchnorm``: batch normalization."""

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers import normalization as _code
from cnn_physics77.core.layers.normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d, _BatchNorm
from cnn_physics77.nn.modules._late import layers as _layers
from cnn_physics77.nn.modules._late import lazy_layers as _lazy_layers

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"]

__getattr__, __dir__ = _lazy.attributes(globals(), _layers("sync_batchnorm") | _lazy_layers("BatchNorm"))

_places.settle(globals(), _code)
