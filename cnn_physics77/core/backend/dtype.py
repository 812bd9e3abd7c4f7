"""The class of the element types."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.core.errors import DtypeError


class dtype:
    """An element type of tensors: ``torch.float32`` and the others. There is one object of each.

    It equals NumPy's dtype and scalar type of that name, and is accepted wherever NumPy takes a dtype.

    Attributes:
        dtype: NumPy's dtype. NumPy itself looks for an attribute of this name.

    >>> import cnn_physics77 as torch
    >>> torch.float32, torch.half is torch.float16, torch.float32 == np.float32
    (torch.float32, True, True)
    >>> np.zeros(2, torch.int8), torch.int8.itemsize
    (array([0, 0], dtype=int8), 1)
    """

    __slots__ = ("dtype",)
    dtype: np.dtype

    def __new__(cls, *arguments):
        raise TypeError("dtype: cannot create 'torch.dtype' instances; use torch.float32 or another one")

    @property
    def __numpy_dtype__(self) -> np.dtype:  # as NumPy calls it from 2.4 on
        return self.dtype

    @property
    def is_floating_point(self) -> bool:
        """Whether it is a real floating dtype."""
        return self.dtype.kind == "f"

    @property
    def is_complex(self) -> bool:
        """Whether it is complex."""
        return self.dtype.kind == "c"

    @property
    def is_signed(self) -> bool:
        """Whether it has negative numbers."""
        return self.dtype.kind in "ifc"

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    def to_real(self) -> Any:
        """The dtype of the real part.

        >>> import cnn_physics77 as torch
        >>> torch.complex128.to_real(), torch.int8.to_real()
        (torch.float64, torch.int8)
        """
        return torch_dtype(np.zeros((), self.dtype).real.dtype)

    def to_complex(self) -> Any:
        """The complex dtype whose parts have this one.

        Raises:
            DtypeError: there is none.

        >>> import cnn_physics77 as torch
        >>> torch.float64.to_complex()
        torch.complex128
        """
        if self.dtype.kind not in "fc" or self.dtype.itemsize < 4:
            raise DtypeError(
                f"to_complex: expected float32 or float64, found {self}, which has no complex dtype"
            )
        return torch_dtype(np.result_type(self.dtype, np.complex64))

    def __eq__(self, other) -> bool:
        if isinstance(other, np.dtype) or (isinstance(other, type) and issubclass(other, np.generic)):
            return self.dtype == other
        return self is other

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"torch.{self.dtype.name}"

    def __reduce__(self) -> tuple:
        return torch_dtype, (self.dtype,)


class Unheld(dtype):
    """An element type of PyTorch's that NumPy lacks. It can be named and compared; no tensor has it.

    >>> import cnn_physics77 as torch
    >>> torch.ones(2).dtype in (torch.float16, torch.bfloat16), torch.bfloat16.is_floating_point
    (False, True)
    >>> torch.ones(2).to(torch.bfloat16)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    cnn_physics77...DtypeError: to: expected a dtype that NumPy has, found torch.bfloat16; use torch.float32
    """

    __slots__ = ("_bytes", "_name")
    _name: str
    _bytes: int
    is_floating_point = property(lambda self: self._name.startswith(("bfloat", "float")))
    is_complex = property(lambda self: self._name == "complex32")
    is_signed = property(lambda self: True)
    itemsize = property(lambda self: self._bytes)

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        raise DtypeError(f"expected a dtype that NumPy has, found {self}; use torch.float32")

    def __eq__(self, other) -> bool:
        return self is other

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def __reduce__(self) -> tuple:
        return unheld, (self._name,)


def _made(found: np.dtype) -> dtype:
    made = object.__new__(dtype)
    made.dtype = found
    return made


_NAMES = (
    "float16", "float32", "float64", "complex64", "complex128", "bool",
    "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
)  # fmt: skip

OF_NUMPY: dict[np.dtype, dtype] = {found: _made(found) for found in map(np.dtype, _NAMES)}
"""The element types of tensors by NumPy's dtype, in native byte order."""


def _without_numbers(name: str, itemsize: int) -> Unheld:
    made = object.__new__(Unheld)
    made._name, made._bytes = name, itemsize
    return made


_SIZES = {"bfloat16": 2, "complex32": 4, "qint32": 4} | dict.fromkeys(
    ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "qint8", "quint8", "quint4x2"), 1
)
_UNHELD = {name: _without_numbers(name, size) for name, size in _SIZES.items()}


def unheld(name: str) -> Unheld:
    """The dtype of PyTorch's of this name, which NumPy lacks."""
    return _UNHELD[name]


def torch_dtype(found: Any) -> dtype:
    """The dtype of tensors that equals this one of NumPy."""
    return OF_NUMPY[np.dtype(found)]


__all__ = ["OF_NUMPY", "dtype", "torch_dtype", "unheld"]
