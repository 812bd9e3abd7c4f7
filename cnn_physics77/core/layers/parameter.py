"""Parameters and buffers: tensors that a module registers when they are assigned to its attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.core.autograd import LEAF
from cnn_physics77.core.backend.device import check_device
from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.operations.creation.creation import sizes
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

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True):
        made = object.__new__(cls)
        _share_memory(made, data, "Parameter")
        return made.requires_grad_(requires_grad)

    def __deepcopy__(self, memo) -> Parameter:
        """A copy of the values without the gradient, as in PyTorch."""
        return self._deep_copy(memo, gradient=False)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


def empty_parameter(*shape: int, device=None, dtype=None) -> Parameter:
    """A parameter with uninitialised values, by default of the default dtype."""
    check_device("Parameter", device)
    return Parameter(
        from_array(np.empty(sizes("Parameter", shape), default_dtype() if dtype is None else dtype))
    )


class Buffer(Tensor):
    """A tensor that a :class:`Module` registers as a buffer when it is assigned to an attribute.

    A buffer is state without gradient.

    Args:
        data: the tensor of the values; None for an empty one.
        persistent: whether it is part of the ``state_dict``.
    """

    persistent: bool = True
    _printed_as = "tensor("

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True):
        made = object.__new__(cls)
        _share_memory(made, data, "Buffer")
        made.persistent = persistent
        return made


class Uninitialized(Tensor):
    """A parameter or buffer whose shape is not known yet: a lazy layer sets it at the first batch.

    An optimizer can hold it before: :meth:`materialize` keeps the identity and changes the class. Until then
    it has a dtype, and ``data``, an empty tensor; all else raises ShapeError.
    """

    cls_to_become: type[Tensor]

    def __new__(cls, *arguments, **named):
        return object.__new__(cls)

    def __init__(self, requires_grad: bool, device=None, dtype=None) -> None:
        check_device(type(self).__name__, device)
        self._empty = np.empty(0, default_dtype() if dtype is None else dtype)
        self.requires_grad_(requires_grad)

    @property
    def array(self) -> Any:  # type: ignore[override]
        raise ShapeError(
            f"{type(self).__name__}: Attempted to use an uninitialized parameter or buffer, whose shape and "
            "values are not known yet; call the lazy module with a batch first, or materialize(shape)"
        )

    @property
    def dtype(self):
        """The dtype that :meth:`materialize` will use."""
        return self.data.dtype

    @property
    def data(self) -> Tensor:
        """An empty tensor: it can be filled without effect. An assigned one sets the dtype."""
        return from_array(self._empty)

    @data.setter
    def data(self, value: Tensor) -> None:
        self._empty = value.array

    def requires_grad_(self, requires_grad: bool = True) -> Uninitialized:
        """Make it a variable, or a constant; returns it."""
        self.edge = LEAF if requires_grad else None
        return self

    def materialize(self, shape, device=None, dtype=None) -> None:
        """Become a parameter or tensor of this shape, with uninitialised values.

        Args:
            dtype: None for the one that it has.
        """
        check_device(type(self).__name__, device)
        dtype = self._empty.dtype if dtype is None else dtype
        del self._empty
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        vars(self)["array"] = np.empty(tuple(shape), dtype)

    def __copy__(self) -> Uninitialized:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo) -> Any:
        copied = memo[id(self)] = type(self)(self.requires_grad, dtype=self.dtype)
        return copied

    def __reduce_ex__(self, protocol) -> tuple[Any, ...]:
        return type(self), (self.requires_grad, None, np.dtype(self.dtype))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(Uninitialized, Parameter):
    """A parameter whose shape is not known yet.

    Args:
        requires_grad: whether it is a variable.
        dtype: of the values; None for the default dtype.

    >>> import cnn_physics77 as torch
    >>> p = torch.nn.parameter.UninitializedParameter()
    >>> p.materialize((2, 3))
    >>> type(p).__name__, p.shape
    ('Parameter', torch.Size([2, 3]))
    """

    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device=None, dtype=None) -> None:
        super().__init__(requires_grad, device, dtype)


class UninitializedBuffer(Uninitialized):
    """A buffer whose shape is not known yet: see :class:`UninitializedParameter`.

    Args:
        persistent: not used; ``register_buffer`` has it.
    """

    cls_to_become = Tensor

    def __init__(self, requires_grad: bool = False, device=None, dtype=None, persistent: bool = True) -> None:
        super().__init__(requires_grad, device, dtype)


def is_lazy(param: Any) -> bool:
    """Whether it is a parameter or buffer whose shape is not known yet."""
    return isinstance(param, Uninitialized)


__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "empty_parameter",
    "is_lazy",
]
