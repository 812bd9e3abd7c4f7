"""Bags of embeddings, which PyTorch has in ``torch.nn.modules.sparse``."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import embedding_bag as _code
from cnn_physics77.core.layers.embedding_bag import *

_places.settle(globals(), _code)
