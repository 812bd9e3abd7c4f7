"""``torch.autograd``: derivatives of computations."""

from cnn_physics77.core.autograd import (
    backward,
    enable_grad,
    grad,
    no_grad,
    set_grad_enabled,
)
