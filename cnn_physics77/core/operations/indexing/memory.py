"""Where the elements of a tensor are in memory, and which memory that is."""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.backend.device import CPU
from cnn_physics77.core.backend.device import device as Device
from cnn_physics77.core.backend.dtype import OF_NUMPY
from cnn_physics77.core.backend.dtype import dtype as Dtype
from cnn_physics77.core.copying import address, root_of
from cnn_physics77.core.errors import DeviceError, DtypeError, GradientError
from cnn_physics77.core.operations.base.dimensions import sizes_of
from cnn_physics77.core.operations.base.views import dim_order
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array, method


class Storage:
    """A sequence of elements that tensors share."""

    def __init__(self, elements: np.ndarray) -> None:
        self.elements = elements

    @property
    def device(self) -> Device:
        """The CPU."""
        return CPU

    def data_ptr(self) -> int:
        """The address of the first element; 0 if there is none."""
        return address(self.elements) if self.elements.size else 0

    def size(self) -> int:
        """The number of elements."""
        return len(self)

    def nbytes(self) -> int:
        """The number of bytes."""
        return self.elements.nbytes

    def element_size(self) -> int:
        """Bytes per element."""
        return self.elements.itemsize

    def __sizeof__(self) -> int:
        return super().__sizeof__() + self.nbytes()

    def tolist(self) -> list:
        """The elements as Python numbers."""
        return self.elements.tolist()

    def __len__(self) -> int:
        return self.elements.size

    def __getitem__(self, index):
        found = self.elements[index]
        return type(self)(found) if isinstance(index, slice) else found.item()

    def __setitem__(self, index, value) -> None:
        self.elements[index] = value

    def __eq__(self, other) -> bool:
        same = type(other) is type(self) and self.data_ptr() == other.data_ptr()
        return same and self.nbytes() == other.nbytes()

    def __hash__(self) -> int:
        return hash(self.data_ptr())

    def _text(self, kind: str) -> str:
        numbers = "".join(f" {value}\n" for value in self.tolist())
        return f"{numbers}[torch.storage.{kind}device={self.device}) of size {len(self)}]"


class TypedStorage(Storage):
    """The memory that a tensor is in, as one sequence of its elements, in the order of their addresses.

    Views share it. It can be read and written by integer or slice.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> memory = x.T[0].storage()
    >>> memory[1] = 7.0
    >>> memory.tolist(), x[0, 1]
    ([1.0, 7.0, 3.0, 4.0], tensor(7.))
    """

    @property
    def dtype(self) -> Dtype:
        """The element type."""
        return OF_NUMPY[self.elements.dtype]

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(self.elements.view(np.uint8))

    def __repr__(self) -> str:
        return self._text(f"TypedStorage(dtype={self.dtype}, ")


class UntypedStorage(Storage):
    """The memory that a tensor is in, as bytes: see :class:`TypedStorage`."""

    @classmethod
    def from_file(cls, filename, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """The first ``nbytes`` of a file; they are read when they are used.

        Args:
            shared: whether what is written goes into the file, which is made and made longer if need be;
                else it is for this process alone.
        """
        if shared:
            with open(filename, "ab") as file:
                file.truncate(max(file.tell(), nbytes))
        if nbytes == 0:
            return cls(np.empty(0, np.uint8))
        return cls(np.memmap(filename, np.uint8, "r+" if shared else "c", shape=(nbytes,)))

    def untyped(self) -> UntypedStorage:
        """Itself."""
        return self

    def __repr__(self) -> str:
        return self._text("UntypedStorage(")


def _memory_of(x: Tensor) -> np.ndarray:
    """The whole memory, without dimensions and dtype."""
    root = root_of(x.array)
    return root.transpose(dim_order(root)).reshape(-1).view(np.uint8)


@method("untyped_storage")
def _untyped_storage(self) -> UntypedStorage:
    """The memory of this tensor as bytes.

    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(2, 3)
    >>> x.untyped_storage().nbytes(), x.untyped_storage() == x[1].untyped_storage()
    (24, True)
    """
    return UntypedStorage(_memory_of(self))


@method("storage")
def _storage(self) -> TypedStorage:
    """The memory of this tensor as elements: see :class:`TypedStorage`."""
    return TypedStorage(_memory_of(self).view(self.array.dtype))


@method("data_ptr")
def _data_ptr(self) -> int:
    """The address of the first element; 0 if there is none.

    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(3)
    >>> x.data_ptr() == x.view(3, 1).data_ptr() != x[1:].data_ptr()
    True
    """
    return address(self.array) if self.array.size else 0


@method("storage_offset")
def _storage_offset(self) -> int:
    """How many elements of the memory precede the first one of this tensor.

    Of an array that NumPy has cut out of another one, these count too.

    >>> import cnn_physics77 as torch
    >>> torch.zeros(2, 3)[1].storage_offset()
    3
    """
    return (address(self.array) - address(root_of(self.array))) // self.array.itemsize


@method("is_set_to")
def _is_set_to(self, tensor: Tensor) -> bool:
    """Whether both tensors are the same elements of the same memory."""
    a, b = self.array, tensor.array
    return address(a) == address(b) and a.shape == b.shape and a.strides == b.strides and a.dtype == b.dtype


@method("set_")
def _set_(self, source=None, storage_offset: int = 0, size=None, stride=None) -> Tensor:
    """Make this tensor share the memory of another one, in place. Nothing is recorded.

    Args:
        source: a tensor, or what :meth:`storage` returns; None for no elements.
        storage_offset: the element of the memory to begin with.
        size: the sizes; None for those of the tensor, or for all of the memory.
        stride: the distances between neighbours in elements; None for row-major order.

    Raises:
        GradientError: this is a variable, and recording is on.
        DtypeError: another dtype.
        ShapeError: the sizes and strides reach out of the memory.

    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(0)
    >>> x.set_(torch.arange(6.0).storage(), 1, (2, 2), (2, 1))
    tensor([[1., 2.],
            [3., 4.]])
    """
    if self.edge is not None and recording():
        raise GradientError(
            "set_: a variable that requires grad is being used in an in-place operation; use detach() first"
        )
    shared = from_array(np.empty(0, self.array.dtype)) if source is None else source
    if not isinstance(shared, Tensor):
        kind = self.array.dtype if isinstance(shared, UntypedStorage) else shared.elements.dtype
        shared = from_array(shared.elements.view(kind))
    elif size is not None:
        shared = from_array(_memory_of(shared).view(shared.array.dtype))
    if shared.array.dtype != self.array.dtype:
        raise DtypeError(f"set_: expected memory of {self.dtype}, found {shared.dtype}; assign .data")
    if size is not None:
        size = sizes_of("set_", (tuple(size),))
        stride = _row_major(size) if stride is None else stride
        shared = shared.as_strided(size, stride, storage_offset)
    self.array = shared.array
    self.mark_changed()
    return self


def _row_major(size: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(size[d + 1 :]) for d in range(len(size)))


@method("dim_order")
def _dim_order(self) -> tuple[int, ...]:
    """The dimensions in the order of memory, the one with the largest stride first.

    >>> import cnn_physics77 as torch
    >>> torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last).dim_order()
    (0, 2, 3, 1)
    """
    return dim_order(self.array)


@method("is_pinned")
def _is_pinned(self, device=None) -> bool:
    """False: no memory is locked for a GPU."""
    return False


@method("pin_memory")
def _pin_memory(self, device=None) -> Tensor:
    """Raises DeviceError: there is no GPU to lock memory for."""
    raise DeviceError("pin_memory: expected a GPU, found none; ask torch.cuda.is_available() first")


complete_late(__name__)
