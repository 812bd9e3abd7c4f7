"""``torch.optim.adam``: :class:`Adam`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import adam as _code
from cnn_physics77.core.optim.adam import Adam

__all__ = ["Adam"]

_places.settle(globals(), _code)
