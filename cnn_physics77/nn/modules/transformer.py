"""``torch.nn.modules.transformer``: layers of the Transformer."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import transformer as _code
from cnn_physics77.core.layers.transformer import *
from cnn_physics77.core.layers.transformer import _get_activation_fn, _get_clones

__all__ = _code.__all__

_places.settle(globals(), _code)
