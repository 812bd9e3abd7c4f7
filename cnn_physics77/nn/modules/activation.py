"""``torch.nn.modules.activation``: activations."""

import typing as _typing

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers import activation as _code
from cnn_physics77.core.layers.activation import *
from cnn_physics77.nn.modules._late import layers as _layers

if _typing.TYPE_CHECKING:
    from cnn_physics77.nn.modules.activation_random import *
    from cnn_physics77.nn.modules.attention import MultiheadAttention

_LATE = _layers("activation_random", "attention")
__getattr__, __dir__ = _lazy.attributes(globals(), _LATE)

__all__ = _code.__all__  # a star would import what is late

_places.settle(globals(), _code)
