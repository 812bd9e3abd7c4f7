"""``torch.optim.swa_utils``: averages of a model's parameters."""

from cnn_physics77 import _places
from cnn_physics77.core import averaging as _code
from cnn_physics77.core.averaging import *
from cnn_physics77.core.optim.lr_swa import SWALR

__all__ = [*_code.__all__, "SWALR"]

_places.settle(globals(), _code)
