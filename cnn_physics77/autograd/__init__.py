"""``torch.autograd``: derivatives of computations."""

import typing as _typing

from cnn_physics77 import _lazy
from cnn_physics77.autograd import function
from cnn_physics77.autograd.function import Function
from cnn_physics77.autograd.gradients import grad
from cnn_physics77.core.autograd import backward
from cnn_physics77.core.recording import enable_grad, is_grad_enabled, no_grad, set_grad_enabled

if _typing.TYPE_CHECKING:
    from cnn_physics77.autograd import functional, variable
    from cnn_physics77.autograd.variable import Variable
    from cnn_physics77.testing.gradcheck import gradcheck, gradgradcheck

__all__ = [
    "Function",
    "Variable",
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
    "variable",
]

__getattr__, __dir__ = _lazy.attributes(
    globals(),
    {
        "Variable": "cnn_physics77.autograd.variable",
        "functional": __name__,
        "variable": __name__,
        "gradcheck": "cnn_physics77.testing.gradcheck",
        "gradgradcheck": "cnn_physics77.testing.gradcheck",
    },
)
