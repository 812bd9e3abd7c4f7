"""``torch.autograd``: derivatives of computations."""

import typing as _typing

from cnn_physics77 import _lazy, _places
from cnn_physics77.autograd import function, grad_mode
from cnn_physics77.autograd.function import Function
from cnn_physics77.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from cnn_physics77.autograd.gradients import grad
from cnn_physics77.core.autograd import backward
from cnn_physics77.core.recording import is_grad_enabled

if _typing.TYPE_CHECKING:
    from cnn_physics77.autograd import anomaly_mode, forward_ad, functional, graph, profiler, variable
    from cnn_physics77.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly
    from cnn_physics77.autograd.variable import Variable
    from cnn_physics77.testing.gradcheck import gradcheck, gradgradcheck

__all__ = [
    "Function",
    "Variable",
    "anomaly_mode",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "profiler",
    "set_detect_anomaly",
    "set_grad_enabled",
    "variable",
]

__getattr__, __dir__ = _lazy.attributes(
    globals(),
    {
        "Variable": "cnn_physics77.autograd.variable",
        "anomaly_mode": __name__,
        "detect_anomaly": "cnn_physics77.autograd.anomaly_mode",
        "forward_ad": __name__,
        "functional": __name__,
        "graph": __name__,
        "profiler": __name__,
        "set_detect_anomaly": "cnn_physics77.autograd.anomaly_mode",
        "variable": __name__,
        "gradcheck": "cnn_physics77.testing.gradcheck",
        "gradgradcheck": "cnn_physics77.testing.gradcheck",
    },
)

_places.settle(globals())
