"""Tensor: a NumPy array with the graph of the operations that computed it.

The operations, and with them Tensor's operators and methods, are in :mod:`cnn_physics77.core.operations`,
which adds them to the class when it is imported (:func:`method`). ``tensor.pyi``, written by
:mod:`cnn_physics77.testing.stub`, declares them for editors and type checkers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self
from weakref import ref

import numpy as np

from cnn_physics77.core import autograd
from cnn_physics77.core.array_protocol import ArrayProtocol
from cnn_physics77.core.autograd import LEAF, Node, Output, hooks_of, locks, sequence
from cnn_physics77.core.backend.conversion import as_dtype
from cnn_physics77.core.backend.device import check_device
from cnn_physics77.core.backend.dtype import OF_NUMPY
from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.construction import legacy_array, new_array, plain_array
from cnn_physics77.core.copying import Copying
from cnn_physics77.core.description import Description
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError
from cnn_physics77.core.handles import RemovableHandle
from cnn_physics77.core.printing import text_of

_new: Callable[[type], Any] = object.__new__


class Tensor(ArrayProtocol, Copying, Description):
    """An n-dimensional array with a gradient.

    Created by :func:`tensor`, :func:`from_numpy`, the creation functions and the operations.

    ``Tensor`` itself is PyTorch's older constructor: ``Tensor(2, 3)`` has uninitialized values of these
    sizes, ``Tensor(data)`` the data in the default dtype, and ``Tensor(other)`` shares a tensor's memory.

    Attributes:
        array: the NumPy array of the values. Changing it in place is the caller's responsibility.
        edge: where the gradient is sent: see :mod:`cnn_physics77.core.autograd`.

    >>> x = tensor([[1.0, 2.0]], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.op, y.parents
    ('sum', (<MulBackward0>,))
    >>> y.backward()
    >>> x.grad
    tensor([[2., 4.]])
    """

    # Defaults on the class: most tensors never set these, and tensors are created very often.
    array: np.ndarray
    edge: Any = None
    _grad: Tensor | None = None
    hooks: dict[int, Callable] | None = None
    _changes: list | None = None  # [sequence number of the last change in place, count], shared by all views
    _view_of: tuple | None = None  # (base tensor, how this is a view of it): see operations.base.views
    _views: Any = None  # the live views of this tensor's memory
    _after_accumulation: dict[int, Callable] | None = None
    _retained: RemovableHandle | None = None

    def __new__(cls, *data, device=None) -> Self:
        check_device("Tensor", device)
        made = _new(cls)
        if len(data) == 1 and isinstance(data[0], Tensor):
            view: Any = data[0][...]
            made.array, made.edge, made._changes = view.array, view.edge, view._changes
        else:
            made.array = legacy_array("Tensor", data, default_dtype())
        return made

    # ---------------------------------------------------------------------------------- the graph

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this tensor. Can be set on leaves."""
        return self.edge is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Make this leaf a variable, or a constant; returns it.

        Raises:
            DtypeError: the dtype is neither floating nor complex.
            GradientError: it is the result of a recorded operation.
        """
        if requires_grad and self.array.dtype.kind not in "fc":
            raise DtypeError(
                "requires_grad_: only Tensors of floating point and complex dtype can require gradients, "
                f"found {self.dtype}; convert it, e.g. with .float()"
            )
        if self.is_leaf:
            self.edge = LEAF if requires_grad else None
        elif not requires_grad:
            raise GradientError(
                "requires_grad_: expected a leaf, found the result of a recorded operation; use .detach() "
                "for a constant"
            )
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether this is a constant, or created by the user: not the result of a recorded operation."""
        return self.edge is None or self.edge is LEAF

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that computed this; None for leaves."""
        edge = self.edge
        return edge.node if type(edge) is Output else edge if type(edge) is Node else None

    @property
    def output_nr(self) -> int:
        """Which of the results of its operation this is."""
        return self.edge.index if type(self.edge) is Output else 0

    @property
    def op(self) -> str | None:
        """The name of the operation that computed this; None for leaves."""
        node = self.grad_fn
        return None if node is None else node.op.name

    @property
    def parents(self) -> tuple:
        """The inputs of that operation: leaf tensors, and nodes, which also have ``parents`` and ``op``."""
        node = self.grad_fn
        return () if node is None else node.parents

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient :math:`\\partial L/\\partial x`, a tensor of the same shape and dtype, or
        None. An assigned tensor is not copied.

        Raises:
            TypeError: the assigned value is neither a tensor nor None.
            ShapeError, DtypeError: it has another shape or dtype.
            GradientError: it is this tensor itself.
        """
        return self._grad

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        if gradient is not None:
            _check_gradient(self, gradient)
        self._grad = gradient

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def backward(self, gradient=None, retain_graph=None, create_graph: bool = False, inputs=None) -> None:
        """Add the derivatives of this tensor to ``.grad`` of the leaves: see :func:`autograd.backward`."""
        autograd.backward(
            (self,), None if gradient is None else (gradient,), retain_graph, create_graph, inputs
        )

    def accumulate_grad(self, gradient: Tensor, owned: bool = False, create_graph: bool = False) -> None:
        """Add a gradient to ``.grad``. If it is ``owned`` (nothing else refers to its memory) it is stored
        without a copy. Several threads may call this at once."""
        if self.edge is None:  # it was a variable when it was used, and was made a constant since
            return
        with locks():
            while True:
                held = self._grad
                if held is not None and not create_graph:
                    _add_to(held, gradient)
                    break
                if held is not None:
                    total = held + gradient
                elif create_graph:
                    total = gradient.clone()
                elif owned and gradient.array.strides == self.array.strides:
                    total = gradient
                else:
                    total = from_array(np.empty_like(self.array, dtype=gradient.array.dtype, subok=False))
                    np.copyto(total.array, gradient.array)
                _check_gradient(self, total)
                if self._grad is held:  # else a signal handler has added a gradient of its own meanwhile
                    self._grad = total
                    break
        for hook in tuple((self._after_accumulation or {}).values()):
            hook(self)

    def detach(self) -> Tensor:
        """A constant tensor that shares the memory."""
        return self.view_of_memory(_constant(self.array))

    def detach_(self) -> Tensor:
        """Make this tensor itself a constant leaf.

        Raises:
            GradientError: it is a view.
        """
        if self._view_of is not None:
            raise GradientError("detach_: can't detach views in-place; use detach() instead")
        self.edge, self.array = None, _constant(self.array)
        return self

    @property
    def data(self) -> Tensor:
        """A constant tensor that shares the memory.

        Assigning a tensor of any shape and dtype makes this tensor share the memory of that one. The
        assignment is not recorded, and ``grad`` does not change.

        Raises:
            TypeError: the assigned value is not a tensor.
            DtypeError: this tensor requires grad, and the dtype of the assigned one cannot have gradients.
        """
        return from_array(_constant(self.array))

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(
                f"data: Variable data has to be a tensor, but got {type(value).__name__}; use torch.tensor()"
            )
        if self.edge is not None and value.array.dtype.kind not in "fc":
            raise DtypeError(
                "data: data set to a tensor that requires gradients must be floating point or complex dtype, "
                f"found {value.dtype}; convert it, e.g. with .float()"
            )
        self.array = value.array

    def retain_grad(self) -> None:
        """Make ``backward`` fill ``.grad`` of this result, as it does for leaves.

        After a change in place, that is the gradient of the changed values. It is set after all other hooks
        have run. Calling this twice has no effect.

        Raises:
            GradientError: the tensor does not require grad.
        """
        if self.edge is None:
            raise GradientError("retain_grad: expected a tensor that requires grad, found one that does not")
        if self.is_leaf or self._retained is not None:
            return
        weak = ref(self)  # a strong reference would be a cycle: tensor -> node -> hook -> tensor

        def keep(gradient):
            tensor = weak()
            if tensor is not None:
                tensor.grad = gradient.clone() if tensor.grad is None else tensor.grad + gradient

        self._retained = self.register_hook(keep)

    @property
    def retains_grad(self) -> bool:
        """Whether this is the result of a recorded operation whose gradient :meth:`retain_grad` keeps."""
        return self._retained is not None

    def move_edge(self, edge) -> None:
        """Send the gradient to another edge, after a change in place. Hooks stay with the values that they
        were registered for; the hook of :meth:`retain_grad` moves to the new edge."""
        self.edge = edge
        if self._retained is not None and edge is not None:
            self._retained.move_to(hooks_of(edge))

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(gradient)`` when the gradient of this tensor is computed.

        A result other than None replaces the gradient.

        Raises:
            GradientError: the tensor does not require grad.
        """
        edge = self.edge
        if edge is None:
            raise GradientError(
                "register_hook: cannot register a hook on a tensor that doesn't require gradient; set "
                "requires_grad=True first"
            )
        if edge is LEAF:
            self.hooks = self.hooks or {}
            return RemovableHandle(self.hooks, hook)
        hooks = hooks_of(edge)
        handle = RemovableHandle(hooks, hook)
        if self._retained is not None:
            self._retained.move_to(hooks)  # to the end
        return handle

    def register_post_accumulate_grad_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(self)`` after a gradient has been added to ``.grad`` of this leaf."""
        if self.edge is not LEAF:
            raise GradientError(
                "register_post_accumulate_grad_hook: expected a leaf that requires grad, found another tensor"
            )
        self._after_accumulation = self._after_accumulation or {}
        return RemovableHandle(self._after_accumulation, hook)

    # ---------------------------------------------------------------------------------- memory

    def view_of_memory(self, array: np.ndarray) -> Tensor:
        """A constant tensor of an array that views this tensor's memory; both share the count of changes."""
        if self._changes is None:
            self._changes = [0, 0]
        view = from_array(array)
        view._changes = self._changes
        return view

    def mark_changed(self, number: int = 0) -> None:
        """Record a change in place, with a new number or this one: derivatives that need old values raise."""
        if self._changes is None:
            self._changes = [0, 0]
        self._changes[0] = number or sequence.change()
        self._changes[1] += 1

    def changed_since(self, number: int) -> bool:
        """Whether the memory was changed in place after the node with this sequence number was recorded."""
        return self._changes is not None and self._changes[0] > number

    @property
    def _version(self) -> int:
        """The number of changes in place of the memory."""
        return 0 if self._changes is None else self._changes[1]

    def as_subclass(self, cls: type) -> Tensor:
        """A view of this tensor as an object of a subclass of Tensor, with the same history.

        Raises:
            TypeError: it is no subclass.
        """
        if not (isinstance(cls, type) and issubclass(cls, Tensor)):
            raise TypeError(f"as_subclass: expected a subclass of Tensor, found {cls!r}")
        return Tensor.__new__(cls, self)

    @staticmethod
    def _make_subclass(cls: type, data: Tensor, require_grad: bool = False) -> Tensor:
        """A leaf of a subclass of Tensor that shares the memory of ``data``."""
        return data.detach().as_subclass(cls).requires_grad_(require_grad)

    def _wrapped(self, result: Any) -> Any:
        """A result of NumPy as a tensor, if tensors can have its dtype."""
        if not isinstance(result, (np.ndarray, np.generic)) or result.dtype not in OF_NUMPY:
            return result
        return from_array(np.asarray(result))

    __hash__ = object.__hash__  # by identity: two variables with equal values are two variables

    _printed_as = "tensor("

    def __init_subclass__(cls, **named) -> None:
        super().__init_subclass__(**named)
        if "_printed_as" not in vars(cls):
            cls._printed_as = f"{cls.__name__}("

    def __repr__(self) -> str:
        if not isinstance(self.array, np.ndarray):
            return repr(self.array)
        return text_of(self.array, self._printed_as, self._notes())

    def _notes(self) -> list[str]:
        """What is printed of the history."""
        if self.grad_fn is not None:
            return [f"grad_fn=<{self.grad_fn.name()}>"]
        return ["requires_grad=True"] if self.requires_grad else []


def _constant(array: np.ndarray) -> np.ndarray:
    """The array, without the history that one of a transform has of its own."""
    return array if isinstance(array, np.ndarray) else array.detached()


Tensor._own = frozenset(Tensor.__annotations__)


def _add_to(held: Tensor, gradient: Tensor) -> None:
    if not held.array.flags.writeable:
        raise ShapeError(
            "backward: expected .grad in memory that can be written, found a read-only or an expanded array; "
            "assign a .clone() of it"
        )
    np.add(held.array, gradient.array, out=held.array, casting="same_kind")
    held.mark_changed()


def clear_gradient(tensor: Tensor, set_to_none: bool) -> None:
    """Drop the gradient, or overwrite it with zeros in its place, as others may hold it: ``zero_grad``."""
    gradient = tensor.grad
    if set_to_none or gradient is None:
        tensor.grad = None
        return
    if not gradient.is_leaf:
        gradient.detach_()
    gradient.edge = None
    gradient.zero_()


def _check_gradient(tensor: Tensor, gradient: Tensor) -> None:
    if not isinstance(gradient, Tensor):
        raise TypeError(
            "grad: assigned grad expected to be a Tensor or None but got grad of "
            f"type {type(gradient).__name__}; use torch.tensor() first"
        )
    if gradient.array.shape != tensor.array.shape:
        raise ShapeError(
            f"grad: attempting to assign a gradient of size '{list(gradient.shape)}' to a tensor of size "
            f"'{list(tensor.shape)}'. Please ensure that the gradient and the tensor are the same size"
        )
    if gradient.array.dtype != tensor.array.dtype:
        raise DtypeError(
            f"grad: attempting to assign a gradient with dtype '{gradient.dtype}' to a tensor of dtype "
            f"'{tensor.dtype}'. The gradient must match the tensor's dtype; convert it with .to()"
        )
    if gradient is tensor:
        raise GradientError("grad: can't assign Variable as its own grad; use .detach() or .clone()")


# --------------------------------------------------------------------------------------------- creation


def from_array(array: np.ndarray) -> Tensor:
    """A constant tensor of this array, without a copy and without checks."""
    made = _new(Tensor)
    made.array = array
    return made


def tensor(data, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """A new leaf tensor with a copy of the data.

    Args:
        data: number, nested sequences, NumPy array or tensor. Python floats become the default dtype,
            integers int64. Arrays, tensors and NumPy's numbers keep their dtype; in a sequence, different
            dtypes are promoted to a common one.
        dtype: element type of the result.
        device: ``"cpu"``; there is no other.
        requires_grad: whether it is a variable.

    Raises:
        ShapeError: sequences have unequal lengths.
        DtypeError: the data are not numbers, or ``requires_grad`` with an integer or boolean dtype.
        RangeError: a number is out of the range of the dtype.
        DeviceError: another device.

    >>> tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> tensor(0.5, requires_grad=True)
    tensor(0.5000, requires_grad=True)
    """
    check_device("tensor", device)
    made = from_array(new_array(data, None if dtype is None else as_dtype("tensor", dtype)))
    return made.requires_grad_() if requires_grad else made


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A constant tensor that shares the memory of the array: a change of one is a change of the other.

    The tensor of a read-only array is read-only: operations that would write to it raise. An array of a
    subclass, such as ``numpy.matrix``, is treated as a plain array.

    Raises:
        DtypeError: the argument is not a NumPy array, its byte order is not native, or tensors cannot have
            its dtype (object, str, datetime64, longdouble, records).
        ShapeError: the strides are not multiples of the element size.

    >>> a = np.zeros(2)
    >>> t = from_numpy(a)
    >>> a[0] = 7
    >>> t
    tensor([7., 0.], dtype=torch.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise DtypeError(
            f"from_numpy: expected a numpy.ndarray, found {type(ndarray).__name__}; use tensor()"
        )
    return from_array(plain_array("from_numpy", ndarray, shared=True))


def is_tensor(obj) -> bool:
    """Whether the object is a Tensor.

    >>> is_tensor(tensor(1.0)), is_tensor(np.ones(1))
    (True, False)
    """
    return isinstance(obj, Tensor)


def method(*names: str) -> Callable:
    """Decorator: add a function, whose first argument is the tensor, to Tensor under these names."""

    def add(function):
        for name in names:
            setattr(Tensor, name, function)
        return function

    return add


__all__ = ["Tensor", "from_array", "from_numpy", "is_tensor", "method", "tensor"]
