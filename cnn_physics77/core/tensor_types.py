"""PyTorch's older names of tensors of one dtype: ``torch.FloatTensor``, ``torch.LongTensor``, ..."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.core.backend.conversion import as_dtype
from cnn_physics77.core.backend.device import check_device, layout, strided
from cnn_physics77.core.backend.dtype import dtype as Dtype
from cnn_physics77.core.backend.dtype import torch_dtype
from cnn_physics77.core.backend.dtypes import default_dtype, set_default_dtype
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.construction import legacy_array
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.tensor import Tensor, from_array, method

_WORDS = {
    "float16": "Half",
    "float32": "Float",
    "float64": "Double",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
}


class tensortype(type):
    """The class of :class:`FloatTensor` and the others. A tensor is an instance of the one of its dtype."""

    dtype: Dtype
    is_cuda: bool = False
    layout: layout = strided

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.array.dtype == cls.dtype

    def __call__(cls, *data: Any, device: Any = None) -> Tensor:
        check_device(cls.__name__, device)
        return _made(cls.__name__, data, np.dtype(cls.dtype))

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


def _made(function: str, data: tuple, dtype: np.dtype) -> Tensor:
    """A view of the tensor, if it is the only argument, else a new tensor: see
    :func:`.construction.legacy_array`."""
    if len(data) != 1 or not isinstance(data[0], Tensor):
        return from_array(legacy_array(function, data, dtype))
    if data[0].array.dtype != dtype:
        raise DtypeError(
            f"{function}: expected a tensor of torch.{dtype}, found {data[0].dtype}; use .to(torch.{dtype})"
        )
    return data[0][...]


def _type(name: str) -> tensortype:
    made = tensortype(f"{_WORDS[name]}Tensor", (), {"dtype": torch_dtype(name)})
    made.__doc__ = f"""The tensors of {made.dtype}.

    ``{made.__name__}(2, 3)`` has uninitialized values of these sizes, ``{made.__name__}(data)`` the data in
    this dtype; ``isinstance(x, {made.__name__})`` asks for the dtype.
    """
    return made


HalfTensor = _type("float16")
FloatTensor = _type("float32")
DoubleTensor = _type("float64")
BoolTensor = _type("bool")
ByteTensor = _type("uint8")
CharTensor = _type("int8")
ShortTensor = _type("int16")
IntTensor = _type("int32")
LongTensor = _type("int64")


def type_name(dtype: np.dtype) -> str:
    """The name that ``x.type()`` returns.

    >>> type_name(np.dtype("float32"))
    'torch.FloatTensor'
    """
    return f"torch.{_WORDS[dtype.name]}Tensor"


def dtype_of_type(function: str, given: Any) -> np.dtype:
    """The dtype of a type of tensors: a dtype, a class such as FloatTensor, or its name.

    Raises:
        DtypeError: it is none of these.

    >>> dtype_of_type("type", "torch.DoubleTensor"), dtype_of_type("type", LongTensor)
    (dtype('float64'), dtype('int64'))
    """
    if isinstance(given, tensortype):
        return np.dtype(given.dtype)
    if given is Tensor or given == "torch.Tensor":
        return default_dtype()
    if isinstance(given, str):
        names = {f"torch.{word}Tensor": name for name, word in _WORDS.items()}
        if given not in names:
            raise DtypeError(f"{function}: expected a dtype or one of {sorted(names)}, found {given!r}")
        return np.dtype(names[given])
    return as_dtype(function, given)


def set_default_tensor_type(t: Any) -> None:
    """:func:`set_default_dtype`, by PyTorch's older name of a type of tensors: ``torch.DoubleTensor`` or
    ``"torch.DoubleTensor"``.

    Raises:
        DtypeError: it is not a floating dtype.
    """
    warn("torch.set_default_tensor_type() is deprecated, please use torch.set_default_dtype()")
    set_default_dtype(torch_dtype(dtype_of_type("set_default_tensor_type", t)))


def typename(obj: Any, /) -> str:
    """The name of a tensor's type, or of the class of another object, or of a class or function itself.

    >>> import cnn_physics77 as torch
    >>> torch.typename(torch.tensor([1, 2])), torch.typename(torch.nn.Linear), torch.typename(3)
    ('torch.LongTensor', 'cnn_physics77.nn.modules.linear.Linear', 'int')
    """
    if isinstance(obj, Tensor):
        return type_name(obj.array.dtype)
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = named.__module__ or ""
    return named.__qualname__ if module in ("", "builtins") else f"{module}.{named.__qualname__}"


@method("new")
def _new(self: Tensor, *data, device=None) -> Tensor:
    """A tensor of this dtype, by PyTorch's older rules: ``new(2, 3)`` has uninitialized values of these
    sizes, ``new(data)`` the data."""
    check_device("new", device)
    return _made("new", data, self.array.dtype)


__all__ = [
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "set_default_tensor_type",
    "typename",
]
