"""``torch.nn.utils``: gradient clipping, parameters as a vector, and sequences of different lengths."""

import typing as _typing

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers.gradients import *
from cnn_physics77.core.layers.vector import *

if _typing.TYPE_CHECKING:
    from cnn_physics77.nn.utils import rnn

__getattr__, __dir__ = _lazy.attributes(globals(), {"rnn": __name__})

__all__ = [n for n in __dir__() if n[0] != "_"]

_places.settle(globals())
