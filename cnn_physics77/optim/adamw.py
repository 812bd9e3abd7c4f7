"""``torch.optim.adamw``: :class:`AdamW`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import adam as _code
from cnn_physics77.core.optim.adam import AdamW

__all__ = ["AdamW"]

_places.settle(globals(), _code)
