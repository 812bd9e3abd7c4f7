"""``torch.autograd.function``: user-defined operations."""

from cnn_physics77 import _places
from cnn_physics77.core.operations.base import function as _code
from cnn_physics77.core.operations.base.function import Function, FunctionCtx, once_differentiable


class InplaceFunction(Function):
    """A :class:`Function` that may change its input in place; older programs derive from it."""


__all__ = ["Function", "FunctionCtx", "InplaceFunction", "once_differentiable"]

_places.settle(globals(), _code)
