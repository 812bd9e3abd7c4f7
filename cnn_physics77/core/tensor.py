"""Tensor: a NumPy array that knows how it came to be.

The operations themselves, and with them Tensor's operators and methods, live in
:mod:`cnn_physics77.core.operations`, which hangs them onto the class when it is imported (:func:`method`).
To editors and type checkers ``tensor.pyi``, written by :mod:`cnn_physics77.testing.stub`, tells of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from cnn_physics77.core import autograd
from cnn_physics77.core.array_protocol import ArrayProtocol
from cnn_physics77.core.autograd import LEAF, Node, Output, hooks_of, locks, sequence
from cnn_physics77.core.backend.conversion import as_dtype
from cnn_physics77.core.backend.dtypes import get_default_dtype
from cnn_physics77.core.construction import new_array, plain_array
from cnn_physics77.core.copying import Copying
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError
from cnn_physics77.core.handles import RemovableHandle
from cnn_physics77.core.printing import format_values


class Tensor(ArrayProtocol, Copying):
    """An n-dimensional array with a gradient.

    Made by :func:`tensor`, :func:`from_numpy`, the creation functions and the operations; ``Tensor(data)`` is
    ``tensor(data)``.

    Attributes:
        array: the NumPy array of the values; changing it in place is the caller's responsibility.
        edge: where the gradient goes: see :mod:`cnn_physics77.core.autograd`.

    >>> x = Tensor([[1.0, 2.0]], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.op, y.parents
    ('sum', (<MulBackward>,))
    >>> y.backward()
    >>> x.grad
    tensor([[2., 4.]])
    """

    # What most tensors never set stands on the class: making a tensor is the most frequent thing a tape does.
    array: np.ndarray
    edge: Any = None
    _grad: Tensor | None = None
    hooks: dict[int, Callable] | None = None
    _changes: list | None = None  # [number of the last change in place, how many], one for all views
    _view_of: tuple | None = None  # (the tensor whose memory this looks at, how): see operations.base.views
    _views: Any = None  # the living views of this tensor's memory
    _after_accumulation: dict[int, Callable] | None = None
    _retained: RemovableHandle | None = None

    def __init__(self, data=(), dtype=None, requires_grad: bool = False):
        self.array = new_array(data, None if dtype is None else as_dtype("tensor", dtype))
        if requires_grad:
            self.requires_grad_(True)

    # ---------------------------------------------------------------------------------- what it is

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the dimensions."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        """The element type."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.array.nbytes

    def dim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def size(self, dim: int | None = None):
        """The sizes, or the size of one dimension."""
        return self.array.shape if dim is None else self.array.shape[dim]

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def element_size(self) -> int:
        """Bytes per element."""
        return self.array.itemsize

    def stride(self, dim: int | None = None):
        """The distances between neighbours along each dimension, in elements."""
        strides = tuple(s // self.array.itemsize for s in self.array.strides)
        return strides if dim is None else strides[dim]

    def is_contiguous(self) -> bool:
        """Whether the elements lie in memory in the order of the indices, the last fastest."""
        return self.array.flags.c_contiguous

    def is_floating_point(self) -> bool:
        """Whether the dtype is a real floating one."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.array.dtype.kind == "c"

    # ---------------------------------------------------------------------------------- the graph

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow here. May be set on leaves."""
        return self.edge is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Make this leaf a variable, or a constant again; returns it.

        Raises:
            DtypeError: the dtype is neither floating nor complex.
            GradientError: it is the result of a recorded operation.
        """
        if requires_grad and self.array.dtype.kind not in "fc":
            raise DtypeError(
                "requires_grad_: only Tensors of floating point and complex dtype can require gradients, "
                "found "
                f"{self.dtype}; convert it, e.g. with .float()"
            )
        if not self.is_leaf:
            if not requires_grad:
                raise GradientError(
                    "requires_grad_: expected a leaf, found the result of a recorded operation; use "
                    ".detach() for a constant"
                )
        else:
            self.edge = LEAF if requires_grad else None
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether this was made by the user, or is a constant, rather than the result of a recorded
        operation."""
        return self.edge is None or self.edge is LEAF

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this; None for leaves."""
        edge = self.edge
        return edge.node if type(edge) is Output else edge if type(edge) is Node else None

    @property
    def op(self) -> str | None:
        """The name of the operation that made this; None for leaves."""
        node = self.grad_fn
        return None if node is None else node.op.name

    @property
    def parents(self) -> tuple:
        """What this came from: leaf tensors, and nodes of the graph (which have ``parents`` and ``op`` as
        well)."""
        node = self.grad_fn
        return () if node is None else node.parents

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient :math:`\\partial L/\\partial x`, a tensor of the same shape and dtype, or
        None. What is assigned is not copied.

        Raises:
            TypeError: something else than a tensor or None is assigned.
            ShapeError, DtypeError: a gradient of another shape, or dtype.
            GradientError: the tensor itself.
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
        """Add the derivative of this tensor into ``.grad`` of the leaves: see :func:`autograd.backward`."""
        autograd.backward(
            (self,), None if gradient is None else (gradient,), retain_graph, create_graph, inputs
        )

    def accumulate_grad(self, gradient: Tensor, owned: bool = False, create_graph: bool = False) -> None:
        """Add a gradient into ``.grad``. One that is ``owned``, in memory that nobody else can see, is kept
        without a copy. Several threads may add at once."""
        if self.edge is None:  # a variable when it was used, a constant since
            return
        with locks():
            while (held := self._grad) is None or create_graph:
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
                if self._grad is held:  # else a signal handler came in between and added its own
                    self._grad = total
                    break
            else:
                if not held.array.flags.writeable:
                    raise ShapeError(
                        "backward: expected .grad in memory that can be written, found a read-only or an "
                        "expanded array; assign a .clone() of it"
                    )
                np.add(held.array, gradient.array, out=held.array, casting="same_kind")
                held.mark_changed()
        for hook in tuple((self._after_accumulation or {}).values()):
            hook(self)

    def detach(self) -> Tensor:
        """The same memory as a constant."""
        return self.view_of_memory(self.array)

    def detach_(self) -> Tensor:
        """Make this tensor itself a constant leaf.

        Raises:
            GradientError: it is a view.
        """
        if self._view_of is not None:
            raise GradientError("detach_: can't detach views in-place; use detach() instead")
        self.edge = None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory as a constant; assigning a tensor puts this one onto its memory, whatever its shape
        and dtype, without being recorded. A gradient stays as it is.

        Raises:
            TypeError: no tensor is assigned.
            DtypeError: this one requires grad, and what is assigned has a dtype without gradients.
        """
        return from_array(self.array)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(
                f"data: Variable data has to be a tensor, but got {type(value).__name__}; use torch.tensor() "
                "first"
            )
        if self.edge is not None and value.array.dtype.kind not in "fc":
            raise DtypeError(
                "data: data set to a tensor that requires gradients must be floating point or complex dtype, "
                f"found {value.dtype}; convert it, e.g. with .float()"
            )
        self.array = value.array

    def retain_grad(self) -> None:
        """Let ``backward`` fill ``.grad`` of this result too, as it does of leaves: with the gradient of its
        values as they then are, after all other hooks; again has no effect.

        Raises:
            GradientError: the tensor does not require grad.
        """
        if self.edge is None:
            raise GradientError("retain_grad: expected a tensor that requires grad, found one that does not")
        if self.is_leaf or self._retained is not None:
            return
        weak = ref(self)  # a strong one would be a cycle: tensor -> node -> hook -> tensor

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
        """Let the gradient go elsewhere, after a change in place. Hooks stay with the values that they were
        registered for; what keeps the gradient goes along."""
        self.edge = edge
        if self._retained is not None and edge is not None:
            self._retained.move_to(hooks_of(edge))

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(gradient)`` when the gradient of this tensor has been computed; what it returns, unless
        None, replaces it.

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
        """Call ``hook(self)`` after a gradient was added into ``.grad`` of this leaf."""
        if self.edge is not LEAF:
            raise GradientError(
                "register_post_accumulate_grad_hook: expected a leaf that requires grad, found another tensor"
            )
        self._after_accumulation = self._after_accumulation or {}
        return RemovableHandle(self._after_accumulation, hook)

    # ---------------------------------------------------------------------------------- memory and its
    # changes

    def view_of_memory(self, array: np.ndarray) -> Tensor:
        """A constant tensor on (a part of) this tensor's memory: a change through one is seen at the
        other."""
        if self._changes is None:
            self._changes = [0, 0]
        view = from_array(array)
        view._changes = self._changes
        return view

    def mark_changed(self) -> None:
        """Note that the memory was changed in place, so that a derivative that needed the old values can say
        so."""
        if self._changes is None:
            self._changes = [0, 0]
        self._changes[0] = sequence.change()
        self._changes[1] += 1

    def changed_since(self, number: int) -> bool:
        """Whether the memory was changed in place after what has this sequence number in the graph."""
        return self._changes is not None and self._changes[0] > number

    @property
    def _version(self) -> int:
        """How many times the memory was changed in place."""
        return 0 if self._changes is None else self._changes[1]

    __hash__ = object.__hash__  # by identity: two variables of equal values are two variables

    def __repr__(self) -> str:
        text = format_values(self.array, "tensor(")
        if self.array.dtype not in (get_default_dtype(), np.int64, np.bool_) or not self.array.size:
            text += f", dtype={self.array.dtype}"
        if self.grad_fn is not None:
            text += f", grad_fn={self.grad_fn}"
        elif self.requires_grad:
            text += ", requires_grad=True"
        return f"tensor({text})"


Tensor._own = frozenset(Tensor.__annotations__)


def _check_gradient(tensor: Tensor, gradient: Tensor) -> None:
    if not isinstance(gradient, Tensor):
        raise TypeError(
            f"grad: assigned grad expected to be a Tensor or None but got grad of type "
            f"{type(gradient).__name__}; use torch.tensor() first"
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


# --------------------------------------------------------------------------------------------- making tensors

_new: Callable[[type], Any] = object.__new__


def from_array(array: np.ndarray) -> Tensor:
    """A constant tensor on this very array: the innermost constructor, without checks."""
    made = _new(Tensor)
    made.array = array
    return made


def tensor(data, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """A new leaf with a copy of the data.

    Args:
        data: number, nested sequences, NumPy array or tensor. Python floats become the default dtype,
            integers int64; arrays, tensors and NumPy's numbers keep their dtype, also within sequences, of
            which the dtype is the one that holds them all.
        dtype: element type of the result.
        device: ``"cpu"``, accepted for PyTorch's sake.
        requires_grad: whether it is a variable.

    Raises:
        ShapeError: sequences of unequal lengths.
        DtypeError: not numbers, or ``requires_grad`` with an integer or boolean dtype.
        RangeError: a number outside of the range of the dtype.

    >>> tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> tensor(0.5, requires_grad=True)
    tensor(0.5000, requires_grad=True)
    """
    return Tensor(data, dtype, requires_grad)


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A constant tensor on the memory of the array: a change of one is seen in the other. Of a read-only
    array the tensor is read-only too, and whatever would write into it raises. Of a subclass such as
    ``numpy.matrix`` the values are taken as a plain array.

    Raises:
        DtypeError: not a NumPy array, or of a dtype that tensors do not have (object, str, datetime64,
            longdouble, records), or in the byte order of another machine.
        ShapeError: strides that are no whole numbers of elements.

    >>> a = np.zeros(2)
    >>> t = from_numpy(a)
    >>> a[0] = 7
    >>> t
    tensor([7., 0.], dtype=float64)
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
    """Decorator: hang a function onto Tensor under these names; it gets the tensor as first argument."""

    def hang(function):
        for name in names:
            setattr(Tensor, name, function)
        return function

    return hang


__all__ = [
    "Tensor",
    "from_array",
    "from_numpy",
    "is_tensor",
    "method",
    "tensor",
]
