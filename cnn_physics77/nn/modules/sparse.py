"""``torch.nn.modules.sparse``: embeddings."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import embedding as _code
from cnn_physics77.core.layers.embedding import *

_places.settle(globals(), _code)
