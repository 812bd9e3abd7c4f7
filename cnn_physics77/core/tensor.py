"""Tensor: a NumPy array that knows how it came to be.

The operations themselves, and with them Tensor's operators and methods, live in
:mod:`cnn_physics77.core.operations`, which hangs them onto the class when it is imported (:func:`method`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import numpy as np

from cnn_physics77.core import autograd
from cnn_physics77.core.autograd import LEAF, Node, Output, hooks_of, locks, sequence
from cnn_physics77.core.backend.dtypes import get_default_dtype
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError
from cnn_physics77.core.handles import RemovableHandle
from cnn_physics77.core.printing import format_values

Methods: Any = object
"""Tensor's base: nothing at run time; to a type checker, anything, as operations hang on methods later."""


class Tensor(Methods):
    """An n-dimensional array with a gradient.

    Made by :func:`tensor`, :func:`from_numpy`, the creation functions and the operations; ``Tensor(data)`` is
    ``tensor(data)``.

    Attributes:
        array: the NumPy array of the values; changing it in place is the caller's responsibility.
        edge: where the gradient goes: see :mod:`cnn_physics77.core.autograd`.
        grad: the accumulated gradient :math:`\\partial L/\\partial x`, a Tensor of the same shape, or None.

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
    grad: Tensor | None = None
    hooks: dict[int, Callable] | None = None
    _changes: list | None = None  # [number of the last change in place, how many], one for all views
    _view_of: tuple | None = None  # (the tensor whose memory this looks at, how): see core.operations.views
    _views: Any = None  # the living views of this tensor's memory
    _after_accumulation: dict[int, Callable] | None = None
    _retained: RemovableHandle | None = None

    def __init__(self, data=(), dtype=None, requires_grad: bool = False):
        self.array = _new_array(data, dtype)
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
            held = self.grad
            if create_graph:
                self.grad = gradient.clone() if held is None else held + gradient
            elif held is not None:
                np.add(held.array, gradient.array, out=held.array, casting="same_kind")
                held.mark_changed()
            elif owned and gradient.array.strides == self.array.strides:
                self.grad = gradient
            else:
                self.grad = from_array(np.empty_like(self.array, dtype=gradient.array.dtype, subok=False))
                np.copyto(self.grad.array, gradient.array)
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
        """The same memory as a constant; assigning replaces the values without being recorded."""
        return from_array(self.array)

    @data.setter
    def data(self, value: Tensor) -> None:
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

    # ---------------------------------------------------------------------------------- to and from the
    # outside

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The values as a NumPy array on the same memory.

        Raises:
            GradientError: the tensor requires grad (the array could not carry it on) and ``force`` is False.
        """
        if self.edge is not None and not force:
            raise GradientError(
                "numpy: can't call numpy() on Tensor that requires grad; use tensor.detach().numpy() instead"
            )
        return self.array

    def item(self):
        """The value of a tensor of one element, as a Python number."""
        if self.array.size != 1:
            raise ShapeError(
                f"item: expected a tensor of one element, found shape {self.shape}; index or reduce it first"
            )
        return self.array.item()

    def tolist(self):
        """The values as nested lists of Python numbers."""
        return self.array.tolist()

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    __array_priority__ = 1000  # ndarray * Tensor is a Tensor

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        # ndarray * Tensor: NumPy asks here first; the reflected operator of Tensor answers.
        if (
            method == "__call__"
            and not kwargs
            and len(inputs) == 2
            and isinstance(inputs[0], np.ndarray | np.generic)
        ):
            reflected = _REFLECTED.get(ufunc)
            if reflected is not None:
                return getattr(inputs[1], reflected)(inputs[0])
        if any(isinstance(value, Tensor) and value.edge is not None for value in inputs):
            raise GradientError(
                f"numpy.{ufunc.__name__}: expected an array, found a Tensor that requires grad; use the "
                "function of the same "
                "name of cnn_physics77, or .detach()"
            )
        arrays = [value.array if isinstance(value, Tensor) else value for value in inputs]
        return getattr(ufunc, method)(*arrays, **kwargs)

    def __dlpack__(self, **kwargs):
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise TypeError("len: expected a tensor of at least one dimension, found a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.array.ndim == 0:
            raise TypeError("iteration: expected a tensor of at least one dimension, found a 0-d tensor")
        return (self[i] for i in range(self.array.shape[0]))

    def __contains__(self, value) -> bool:
        return bool((self.array == (value.array if isinstance(value, Tensor) else value)).any())

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ShapeError(
                f"bool: the truth of a tensor of {self.numel()} elements is ambiguous, found shape "
                f"{self.shape}; "
                "use .any() or .all()"
            )
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        return operator.index(self.item())

    def __format__(self, specification: str) -> str:
        return (
            format(self.item(), specification)
            if self.array.ndim == 0
            else object.__format__(self, specification)
        )

    __hash__ = object.__hash__  # by identity: two variables of equal values are two variables

    def __deepcopy__(self, memo) -> Tensor:
        if not self.is_leaf:
            raise GradientError(
                "deepcopy: only leaves can be copied, found the result of a recorded operation; detach it "
                "first"
            )
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.array = self.array.copy()
        copied.edge = self.edge
        if self.grad is not None:
            copied.grad = self.grad.__deepcopy__(memo)
        return copied

    def __reduce_ex__(self, protocol):
        if not self.is_leaf:
            raise GradientError(
                "pickle: only leaves can be stored, found the result of a recorded operation; detach it first"
            )
        return _rebuild, (type(self), self.array, self.requires_grad)

    def __repr__(self) -> str:
        text = format_values(self.array, "tensor(")
        if self.array.dtype not in (get_default_dtype(), np.int64, np.bool_) or not self.array.size:
            text += f", dtype={self.array.dtype}"
        if self.grad_fn is not None:
            text += f", grad_fn={self.grad_fn}"
        elif self.requires_grad:
            text += ", requires_grad=True"
        return f"tensor({text})"


_REFLECTED = {
    np.add: "__radd__",
    np.subtract: "__rsub__",
    np.multiply: "__rmul__",
    np.true_divide: "__rtruediv__",
    np.floor_divide: "__rfloordiv__",
    np.remainder: "__rmod__",
    np.power: "__rpow__",
    np.matmul: "__rmatmul__",
    np.equal: "__eq__",
    np.not_equal: "__ne__",
    np.less: "__gt__",
    np.less_equal: "__ge__",
    np.greater: "__lt__",
    np.greater_equal: "__le__",
    np.bitwise_and: "__rand__",
    np.bitwise_or: "__ror__",
    np.bitwise_xor: "__rxor__",
    np.left_shift: "__rlshift__",
    np.right_shift: "__rrshift__",
}
"""The operator of Tensor that answers where an array stands on the left."""


def _rebuild(kind: type[Tensor], array: np.ndarray, requires_grad: bool) -> Tensor:
    made = kind.__new__(kind)
    made.array = array
    made.edge = LEAF if requires_grad else None
    return made


# --------------------------------------------------------------------------------------------- making tensors

_new: Callable[[type], Any] = object.__new__


def from_array(array: np.ndarray) -> Tensor:
    """A constant tensor on this very array: the innermost constructor, without checks."""
    made = _new(Tensor)
    made.array = array
    return made


def _new_array(data, dtype=None) -> np.ndarray:
    """A fresh array of the data, by PyTorch's rules: Python floats take the default dtype, NumPy's keep
    theirs."""
    if isinstance(data, Tensor):
        return np.array(data.array, dtype=dtype)
    if isinstance(data, (list, tuple)):
        data = _plain(data)
    try:
        array = np.array(data, dtype=dtype)
    except ValueError as error:
        raise ShapeError(
            f"tensor: expected nested sequences of equal lengths, found otherwise ({error})"
        ) from None
    if array.dtype.kind not in "fcbiu":
        raise DtypeError(f"tensor: expected numbers, found {type(data).__name__} of {array.dtype}")
    if dtype is None and not isinstance(data, np.ndarray | np.generic):
        if array.dtype == np.float64:
            array = array.astype(get_default_dtype())
        elif array.dtype == np.complex128 and get_default_dtype().itemsize < 8:
            array = array.astype(np.complex64)
    return array


def _plain(data):
    """Nested sequences with tensors in them, as arrays and numbers."""
    return [
        _plain(d) if isinstance(d, (list, tuple)) else d.array if isinstance(d, Tensor) else d for d in data
    ]


def tensor(data, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """A new leaf with a copy of the data.

    Args:
        data: number, nested sequences, NumPy array or tensor. Python floats become the default dtype,
            integers int64; NumPy arrays keep their dtype.
        dtype: element type of the result.
        device: ``"cpu"``, accepted for PyTorch's sake.
        requires_grad: whether it is a variable.

    Raises:
        ShapeError: sequences of unequal lengths.
        DtypeError: not numbers, or ``requires_grad`` with an integer or boolean dtype.

    >>> tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> tensor(0.5, requires_grad=True)
    tensor(0.5000, requires_grad=True)
    """
    return Tensor(data, dtype, requires_grad)


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A constant tensor on the memory of the array: a change of one is seen in the other.

    Raises:
        DtypeError: not a NumPy array of numbers.

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
    if ndarray.dtype.kind not in "fcbiu":
        raise DtypeError(f"from_numpy: expected an array of numbers, found {ndarray.dtype}")
    return from_array(ndarray)


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
