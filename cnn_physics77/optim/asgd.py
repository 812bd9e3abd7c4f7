"""``torch.optim.asgd``: :class:`ASGD`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import asgd as _code
from cnn_physics77.core.optim.asgd import ASGD

__all__ = ["ASGD"]

_places.settle(globals(), _code)
