"""``torch.optim.lbfgs``: :class:`LBFGS`."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import lbfgs as _code
from cnn_physics77.core.optim.lbfgs import LBFGS

__all__ = ["LBFGS"]

_places.settle(globals(), _code)
