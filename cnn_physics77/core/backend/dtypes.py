"""PyTorch's names of the element types, and the default dtype.

Tensors show these types; the arrays inside, and all that computes with them, have NumPy's.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.dtype import OF_NUMPY, dtype, torch_dtype, unheld
from cnn_physics77.core.errors import DtypeError

float16 = half = torch_dtype("float16")
float32 = float = torch_dtype("float32")
float64 = double = torch_dtype("float64")
complex64 = cfloat = torch_dtype("complex64")
complex128 = cdouble = torch_dtype("complex128")
uint8 = torch_dtype("uint8")
uint16 = torch_dtype("uint16")
uint32 = torch_dtype("uint32")
uint64 = torch_dtype("uint64")
int8 = torch_dtype("int8")
int16 = short = torch_dtype("int16")
int32 = int = torch_dtype("int32")
int64 = long = torch_dtype("int64")
bool = torch_dtype("bool")
bfloat16 = unheld("bfloat16")
complex32 = chalf = unheld("complex32")
float8_e4m3fn, float8_e4m3fnuz = unheld("float8_e4m3fn"), unheld("float8_e4m3fnuz")
float8_e5m2, float8_e5m2fnuz = unheld("float8_e5m2"), unheld("float8_e5m2fnuz")
qint8, qint32, quint8, quint4x2 = unheld("qint8"), unheld("qint32"), unheld("quint8"), unheld("quint4x2")

_HALF, _SINGLE = float16.dtype, float32.dtype

_default_dtype = _SINGLE


def default_dtype() -> np.dtype:
    """NumPy's dtype of :func:`get_default_dtype`."""
    return _default_dtype


def get_default_dtype() -> dtype:
    """The dtype that Python floats are converted to.

    >>> get_default_dtype()
    torch.float32
    """
    return torch_dtype(_default_dtype)


def set_default_dtype(d) -> None:
    """Set the dtype that Python floats are converted to: float16, float32 (initially) or float64.

    Raises:
        DtypeError: d is not a real floating dtype.
    """
    global _default_dtype
    found = np.dtype(d)
    if found.kind != "f" or found not in OF_NUMPY:
        raise DtypeError(
            "set_default_dtype: only floating-point types are supported as the default type: expected "
            f"float16, float32 or float64, found {found}"
        )
    _default_dtype = found


def accumulator(dtype: np.dtype) -> np.dtype:
    """The dtype in which numbers of ``dtype`` are summed, as in PyTorch: float32 for float16, else itself.

    >>> accumulator(np.dtype("float16")), accumulator(np.dtype("float64"))
    (dtype('float32'), dtype('float64'))
    """
    return _SINGLE if dtype == _HALF else dtype


__all__ = [
    "bfloat16",
    "bool",
    "cdouble",
    "cfloat",
    "chalf",
    "complex32",
    "complex64",
    "complex128",
    "double",
    "dtype",
    "float",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float16",
    "float32",
    "float64",
    "get_default_dtype",
    "half",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "long",
    "qint8",
    "qint32",
    "quint4x2",
    "quint8",
    "set_default_dtype",
    "short",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]
