"""``torch.nn.modules.sparse``: embeddings."""

from cnn_physics77.core.layers.embedding import *
