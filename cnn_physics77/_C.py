"""``torch._C``: PyTorch's machine code. There is none here; libraries ask for some names on the way."""

from cnn_physics77 import _lacking
from cnn_physics77.core.errors import LinAlgError
from cnn_physics77.core.layers.conversion import parse_to
from cnn_physics77.core.tensor import Tensor

_LinAlgError = LinAlgError
_TensorMeta = type(Tensor)


def _log_api_usage_once(event: str) -> None:
    """Nothing: no use is counted."""


def _get_tracing_state() -> None:
    """None: nothing is traced."""


def _disabled_torch_function_impl(func, types, args=(), kwargs=None):
    """The result of a function: what a class has as ``__torch_function__`` to stay out of it."""
    return func(*args, **(kwargs or {}))


class _nn:
    """``torch._C._nn``: how classes read the arguments of a method ``to`` of their own."""

    _parse_to = staticmethod(parse_to)


__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "DeviceObjType Graph Node PyTorchFileReader Value",
    "there is no graph of TorchScript; torch.load reads files",
)
