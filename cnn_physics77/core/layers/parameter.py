"""Parameters and buffers: tensors that a module registers when they become its attributes."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.device import check_device
from cnn_physics77.core.backend.dtypes import get_default_dtype
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.tensor import Tensor, from_array


def _share(made: Tensor, data: Tensor | None, name: str) -> None:
    """Let ``made`` be on the memory of ``data``; an empty tensor for None."""
    if data is None:
        made.array = np.empty(0, get_default_dtype())
    elif isinstance(data, Tensor):
        view = data.detach()
        made.array, made._changes = view.array, view._changes
    else:
        raise DtypeError(f"{name}: expected a tensor, found {type(data).__name__}; use torch.tensor() first")


class Parameter(Tensor):
    """A tensor that a :class:`Module` counts among its parameters when it is assigned to an attribute.

    It is a leaf on the memory of ``data``, and requires grad also when made under ``no_grad()``.

    Args:
        data: the tensor of the values; an empty one for None.
        requires_grad: whether it is a variable.

    Raises:
        DtypeError: ``data`` is not a tensor, or of a dtype that has no gradient.

    >>> import cnn_physics77 as torch
    >>> torch.nn.Parameter(torch.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True):
        _share(self, data, "Parameter")
        self.requires_grad_(requires_grad)

    def __deepcopy__(self, memo) -> Parameter:
        """A copy of the values, without the gradient, as PyTorch copies it."""
        return self._deep_copy(memo, gradient=False)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


def empty_parameter(*shape: int, device=None, dtype=None) -> Parameter:
    """A parameter of that shape whose values are yet to be set, of the default dtype unless one is given."""
    check_device("Parameter", device)
    return Parameter(from_array(np.empty(shape, get_default_dtype() if dtype is None else dtype)))


class Buffer(Tensor):
    """A tensor that a :class:`Module` counts among its buffers (state without gradient) when it is assigned
    to an attribute.

    Args:
        data: the tensor of the values; an empty one for None.
        persistent: whether it is part of the ``state_dict``.
    """

    persistent: bool = True

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True):
        _share(self, data, "Buffer")
        self.persistent = persistent


__all__ = ["Buffer", "Parameter", "empty_parameter"]
