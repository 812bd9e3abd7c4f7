"""``torch.optim.sgd``: :class:`SGD`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import sgd as _code
from cnn_physics77.core.optim.sgd import SGD

__all__ = ["SGD"]

_places.settle(globals(), _code)
