"""``torch.optim.rprop``: :class:`Rprop`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import rprop as _code
from cnn_physics77.core.optim.rprop import Rprop

__all__ = ["Rprop"]

_places.settle(globals(), _code)
