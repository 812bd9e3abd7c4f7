"""``torch.optim.optimizer``: the base of all optimizers."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import optimizer as _code
from cnn_physics77.core.optim.optimizer import Optimizer, required

__all__ = ["Optimizer", "required"]

_places.settle(globals(), _code)
