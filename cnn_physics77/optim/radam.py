"""``torch.optim.radam``: :class:`RAdam`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import radam as _code
from cnn_physics77.core.optim.radam import RAdam

__all__ = ["RAdam"]

_places.settle(globals(), _code)
