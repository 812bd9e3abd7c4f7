"""``torch.nn.parameter``: the tensors that a module registers."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import parameter as _code
from cnn_physics77.core.layers.parameter import (
    Buffer,
    Parameter,
    UninitializedBuffer,
    UninitializedParameter,
    is_lazy,
)

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]

_places.settle(globals(), _code)
