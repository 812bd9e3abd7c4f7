"""``torch.optim.adadelta``: :class:`Adadelta`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import adadelta as _code
from cnn_physics77.core.optim.adadelta import Adadelta

__all__ = ["Adadelta"]

_places.settle(globals(), _code)
