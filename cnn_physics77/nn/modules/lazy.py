"""``torch.nn.modules.lazy``: layers that take their number of inputs from the first batch."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import lazy as _code
from cnn_physics77.core.layers.lazy import *
from cnn_physics77.core.layers.lazy import LazyModuleMixin

__all__ = [*_code.__all__, "LazyModuleMixin"]

_places.settle(globals(), _code)
