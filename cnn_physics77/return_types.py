"""``torch.return_types``: the named tuples that operations return."""

from __future__ import annotations

from cnn_physics77 import _places
from cnn_physics77.core.operations.base.return_types import *
from cnn_physics77.core.operations.base.return_types import __all__ as __all__

_places.settle(globals())
