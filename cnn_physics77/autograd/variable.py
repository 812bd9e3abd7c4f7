"""``torch.autograd.Variable``: the name that tensors with a gradient had until PyTorch 0.4."""

from __future__ import annotations

from typing import Any

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.tensor import Tensor


class _AnyTensor(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_AnyTensor):
    """``Variable(data, requires_grad)``: a tensor, a variable or a constant, with the memory of ``data``.

    Every tensor is an instance of Variable.

    Args:
        data: a tensor; an empty one by default.
        requires_grad: whether the result is a variable, whatever ``data`` is.
        volatile: has no effect; use ``no_grad()``.

    Raises:
        TypeError: ``data`` is not a tensor.

    >>> import cnn_physics77 as torch
    >>> Variable(torch.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    >>> isinstance(torch.ones(2), Variable)
    True
    """

    def __new__(  # type: ignore[misc]
        cls, data: Tensor | None = None, requires_grad: bool = False, volatile: bool = False
    ) -> Tensor:
        if volatile:
            warn("volatile was removed and now has no effect. Use `with torch.no_grad():` instead.")
        if data is None:
            from cnn_physics77.core.operations.creation.creation import empty

            data = empty(0)
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Variable data has to be a tensor, but got {type(data).__name__}; use torch.tensor()"
            )
        return data.detach().requires_grad_(requires_grad)


__all__ = ["Variable"]
