"""``torch.autograd``: derivatives of computations."""

from cnn_physics77.autograd import function, functional
from cnn_physics77.autograd.function import Function
from cnn_physics77.core.autograd import backward, grad
from cnn_physics77.core.recording import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from cnn_physics77.testing.gradcheck import gradcheck, gradgradcheck

__all__ = [
    "Function",
    "backward",
    "enable_grad",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]
