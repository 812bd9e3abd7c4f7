"""``torch.autograd.function``: user-defined operations."""

from cnn_physics77.core.operations.base.function import Function, FunctionCtx, once_differentiable

__all__ = ["Function", "FunctionCtx", "once_differentiable"]
