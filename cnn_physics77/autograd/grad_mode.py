"""``torch.autograd.grad_mode``: whether operations are recorded."""

from cnn_physics77 import _places
from cnn_physics77.core import recording as _code
from cnn_physics77.core.recording import (
    enable_grad,
    inference_mode,
    no_grad,
    set_grad_enabled,
)

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]

_places.settle(globals(), _code)
