"""``torch.nn.modules.sparse``: embeddings."""

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers import embedding as _code
from cnn_physics77.core.layers.embedding import *
from cnn_physics77.nn.modules._late import layers as _layers

__all__ = _code.__all__
__getattr__, __dir__ = _lazy.attributes(globals(), _layers("embedding_bag"))

_places.settle(globals(), _code)
