"""PyTorch's names of the element types, and the default dtype.

The types are NumPy's dtypes, so that both ``x.dtype == torch.float32`` and ``np.dtype`` work.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import DtypeError

float16 = half = np.dtype("float16")
float32 = float = np.dtype("float32")
float64 = double = np.dtype("float64")
complex64 = cfloat = np.dtype("complex64")
complex128 = cdouble = np.dtype("complex128")
uint8 = np.dtype("uint8")
uint16 = np.dtype("uint16")
uint32 = np.dtype("uint32")
uint64 = np.dtype("uint64")
int8 = np.dtype("int8")
int16 = short = np.dtype("int16")
int32 = int = np.dtype("int32")
int64 = long = np.dtype("int64")
bool = np.dtype("bool")
dtype = np.dtype

finfo = np.finfo
iinfo = np.iinfo

_default_dtype = np.dtype("float32")


def get_default_dtype() -> np.dtype:
    """The dtype that Python floats are converted to.

    >>> get_default_dtype()
    dtype('float32')
    """
    return _default_dtype


def set_default_dtype(d) -> None:
    """Set the dtype that Python floats are converted to: float16, float32 (initially) or float64.

    Raises:
        DtypeError: d is not a real floating dtype.
    """
    global _default_dtype
    dtype = np.dtype(d)
    if dtype.kind != "f":
        raise DtypeError(f"set_default_dtype: expected float16, float32 or float64, found {dtype}")
    _default_dtype = dtype


def accumulator(dtype: np.dtype) -> np.dtype:
    """The dtype in which numbers of ``dtype`` are summed, as in PyTorch: float32 for float16, else itself.

    >>> accumulator(float16), accumulator(float64)
    (dtype('float32'), dtype('float64'))
    """
    return float32 if dtype == float16 else dtype


__all__ = [
    "bool",
    "cdouble",
    "cfloat",
    "complex64",
    "complex128",
    "double",
    "dtype",
    "finfo",
    "float",
    "float16",
    "float32",
    "float64",
    "get_default_dtype",
    "half",
    "iinfo",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "long",
    "set_default_dtype",
    "short",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]
