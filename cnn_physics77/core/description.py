"""What a tensor says about itself: sizes, element type, place."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from cnn_physics77.core.backend.device import CPU, check_device, strided
from cnn_physics77.core.backend.device import device as Device
from cnn_physics77.core.backend.device import layout as Layout
from cnn_physics77.core.backend.dtype import OF_NUMPY
from cnn_physics77.core.backend.dtype import dtype as Dtype
from cnn_physics77.core.backend.size import Size, size_of


class Description:
    """The part of Tensor that describes its array."""

    array: np.ndarray

    is_cpu: bool = True
    is_cuda = is_meta = is_mps = is_xpu = is_xla = is_mtia = is_ipu = is_maia = is_vulkan = False
    is_mkldnn = is_nested = is_quantized = is_sparse = is_sparse_csr = False

    @property
    def shape(self) -> Size:
        """The sizes of the dimensions."""
        return size_of(self.array.shape)

    @property
    def dtype(self) -> Dtype:
        """The element type."""
        return OF_NUMPY[self.array.dtype]

    @property
    def device(self) -> Device:
        """The CPU: there is no other device."""
        return CPU

    @property
    def _cdata(self) -> int:
        """A number by which libraries tell tensors apart."""
        return id(self)

    @property
    def layout(self) -> Layout:
        """``torch.strided``; of a sparse tensor ``torch.sparse_coo``."""
        return strided

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

    def ndimension(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def size(self, dim: int | None = None):
        """The sizes, or the size of one dimension."""
        return size_of(self.array.shape) if dim is None else self.array.shape[dim]

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def nelement(self) -> int:
        """The number of elements."""
        return self.array.size

    def element_size(self) -> int:
        """Bytes per element."""
        return self.array.itemsize

    def stride(self, dim: int | None = None):
        """The distances between neighbours along each dimension, in elements."""
        if self.array.size:
            strides = tuple(s // self.array.itemsize for s in self.array.strides)
        else:  # NumPy's are 0
            sizes = [max(n, 1) for n in self.array.shape]
            strides = tuple(prod(sizes[i + 1 :]) for i in range(len(sizes)))
        return strides if dim is None else strides[dim]

    def is_floating_point(self) -> bool:
        """Whether the dtype is a real floating dtype."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.array.dtype.kind == "c"

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers."""
        return self.array.dtype.kind in "ifc"

    def is_same_size(self, other) -> bool:
        """Whether the shapes are equal."""
        return self.array.shape == other.array.shape

    def is_inference(self) -> bool:
        """False: in inference mode, tensors are ordinary ones that are not recorded."""
        return False

    def get_device(self) -> int:
        """-1, as for every tensor on the CPU."""
        return -1

    def cuda(self, device=None, non_blocking: bool = False):
        """Raises DeviceError: there is no CUDA device."""
        check_device("cuda", "cuda")


def _described(name: str, of: Callable, result: str) -> Callable:
    """The function of a tensor that is its method ``of``."""

    def function(input):
        if not isinstance(input, Description):
            raise TypeError(
                f"{name}: argument 'input' must be Tensor, not {type(input).__name__}; use torch.tensor() "
                "first"
            )
        return of(input)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``input.{name}()``. TypeError: the input is not a tensor."
    function.__annotations__ = {"input": "Tensor", "return": result}
    return function


numel = _described("numel", Description.numel, "int")
is_floating_point = _described("is_floating_point", Description.is_floating_point, "bool")
is_complex = _described("is_complex", Description.is_complex, "bool")
is_signed = _described("is_signed", Description.is_signed, "bool")


__all__ = ["Description", "is_complex", "is_floating_point", "is_signed", "numel"]
