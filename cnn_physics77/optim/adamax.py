"""``torch.optim.adamax``: :class:`Adamax`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import adamax as _code
from cnn_physics77.core.optim.adamax import Adamax

__all__ = ["Adamax"]

_places.settle(globals(), _code)
