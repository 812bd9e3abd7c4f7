"""``torch.optim.adagrad``: :class:`Adagrad`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import adagrad as _code
from cnn_physics77.core.optim.adagrad import Adagrad

__all__ = ["Adagrad"]

_places.settle(globals(), _code)
