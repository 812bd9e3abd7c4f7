"""``torch.optim.nadam``: :class:`NAdam`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import nadam as _code
from cnn_physics77.core.optim.nadam import NAdam

__all__ = ["NAdam"]

_places.settle(globals(), _code)
