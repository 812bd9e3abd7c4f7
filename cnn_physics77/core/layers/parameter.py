"""Parameters and buffers: tensors that a module registers when they are assigned to its attributes."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.device import check_device
from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.tensor import Tensor, from_array


def _share_memory(made: Tensor, data: Tensor | None, name: str) -> None:
    """Make ``made`` share the memory of ``data``; None is an empty tensor."""
    if data is None:
        made.array = np.empty(0, default_dtype())
    elif isinstance(data, Tensor):
        view = data.detach()
        made.array, made._changes = view.array, view._changes
    else:
        raise DtypeError(f"{name}: expected a tensor, found {type(data).__name__}; use torch.tensor() first")


class Parameter(Tensor):
    """A tensor that a :class:`Module` registers as a parameter when it is assigned to an attribute.

    It is a leaf that shares the memory of ``data``, and requires grad even if created under ``no_grad()``.

    Args:
        data: the tensor of the values; None for an empty one.
        requires_grad: whether it is a variable.

    Raises:
        DtypeError: ``data`` is not a tensor, or its dtype has no gradients.

    >>> import cnn_physics77 as torch
    >>> torch.nn.Parameter(torch.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    _printed_as = "tensor("

    def __new__(cls, *arguments, **named):
        return object.__new__(cls)

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True):
        _share_memory(self, data, "Parameter")
        self.requires_grad_(requires_grad)

    def __deepcopy__(self, memo) -> Parameter:
        """A copy of the values without the gradient, as in PyTorch."""
        return self._deep_copy(memo, gradient=False)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


def empty_parameter(*shape: int, device=None, dtype=None) -> Parameter:
    """A parameter with uninitialised values, by default of the default dtype."""
    check_device("Parameter", device)
    return Parameter(from_array(np.empty(shape, default_dtype() if dtype is None else dtype)))


class Buffer(Tensor):
    """A tensor that a :class:`Module` registers as a buffer when it is assigned to an attribute.

    A buffer is state without gradient.

    Args:
        data: the tensor of the values; None for an empty one.
        persistent: whether it is part of the ``state_dict``.
    """

    persistent: bool = True
    _printed_as = "tensor("

    def __new__(cls, *arguments, **named):
        return object.__new__(cls)

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True):
        _share_memory(self, data, "Buffer")
        self.persistent = persistent


__all__ = ["Buffer", "Parameter", "empty_parameter"]
