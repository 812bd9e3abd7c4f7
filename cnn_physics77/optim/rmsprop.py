"""``torch.optim.rmsprop``: :class:`RMSprop`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import rmsprop as _code
from cnn_physics77.core.optim.rmsprop import RMSprop

__all__ = ["RMSprop"]

_places.settle(globals(), _code)
