"""Conversion of external data (NumPy arrays, Python numbers and sequences) to plain arrays.

A plain array has the exact class ``numpy.ndarray`` (a ``numpy.matrix`` would stay two-dimensional), one of
the dtypes of tensors, native byte order, and strides that are multiples of the element size. Other data is
converted, or refused with an error that says what to do.
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from cnn_physics77.core.array_protocol import ArrayProtocol
from cnn_physics77.core.backend.conversion import DTYPES, check_fits, promoted
from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.backend.size import Size
from cnn_physics77.core.errors import DtypeError, RangeError, ShapeError


def plain_array(function: str, array: np.ndarray, shared: bool = False) -> np.ndarray:
    """A NumPy array of any subclass as a plain array that shares the memory; a copy if that is impossible.

    Args:
        function: the name of the caller, for errors.
        shared: the memory must be shared: raise instead of copying.

    Raises:
        DtypeError: tensors cannot have the dtype; elements of a masked array are masked; or, if ``shared``,
            the byte order is not native.
        ShapeError: if ``shared``, the strides are not multiples of the element size (a field of records).
    """
    if type(array) is np.ndarray and array.dtype in DTYPES and array.dtype.isnative and _whole_strides(array):
        return array
    dtype = array.dtype.newbyteorder("=")
    if dtype not in DTYPES:
        raise DtypeError(
            f"{function}: can't convert np.ndarray of type numpy.{array.dtype.type.__name__}, found "
            f"dtype {array.dtype}; the only supported types are {', '.join(sorted(map(str, DTYPES)))}; "
            "convert it, e.g. with .astype(numpy.float64)"
        )
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise DtypeError(
            f"{function}: expected an array without masked elements, found {np.ma.count_masked(array)} of "
            "them, which a tensor cannot hold; use .filled(value)"
        )
    plain = np.asarray(array)
    if plain.dtype.isnative and _whole_strides(plain):
        return plain
    if shared and not plain.dtype.isnative:
        raise DtypeError(
            f"{function}: given numpy array has byte order different from the native byte order, found "
            f"dtype {plain.dtype.str}; use torch.tensor(), which converts a copy"
        )
    if shared:
        raise ShapeError(
            f"{function}: given numpy array strides not a multiple of the element byte size, "
            f"found {plain.strides} for {plain.itemsize}; use torch.tensor(), which copies"
        )
    return plain.astype(dtype)


def _whole_strides(array: np.ndarray) -> bool:
    itemsize = array.itemsize
    for stride in array.strides:
        if stride % itemsize:
            return all(s % itemsize == 0 for s, n in zip(array.strides, array.shape) if n > 1)
    return True


@silent  # numbers out of the range of the dtype become infinite, or 0
def new_array(data, dtype: np.dtype | None = None) -> np.ndarray:
    """A new array of the data, by PyTorch's rules.

    Python floats get the default dtype. Arrays, tensors and NumPy's numbers keep theirs; several dtypes are
    promoted to one that holds them all.

    Args:
        data: a number, a tensor, an array or an object that can be converted to one, or nested sequences of
            these.
        dtype: of the result. Arrays and tensors are cast to it; numbers must be in its range.

    Raises:
        ShapeError: sequences have unequal lengths.
        DtypeError: the data are not numbers.
        RangeError: a number is out of the range of the dtype.
    """
    if isinstance(data, ArrayProtocol):
        return _cast(data.array, dtype)
    if isinstance(data, np.ndarray):
        return _cast(plain_array("tensor", data), dtype)
    if not isinstance(data, _NUMBERS) and hasattr(data, "__array__"):
        return _cast(plain_array("tensor", np.asarray(data)), dtype)
    found = _Found()
    plain = found.plain(data)
    inferred = found.dtype()
    try:
        if dtype is None:
            return np.array(plain, inferred)
        if dtype.kind in "fcb" or dtype == inferred or (dtype.itemsize == 8 and inferred.kind in "bi"):
            if inferred.kind == "c" and dtype.kind != "c":
                check_fits("tensor", np.zeros((), inferred), dtype)
            with np.errstate(all="ignore"):
                return np.array(plain, dtype)
        values = np.array(plain, np.float64 if inferred.kind == "f" else inferred)
    except OverflowError as error:
        raise RangeError(
            "tensor: Overflow when unpacking long long: expected integers within "
            f"torch.{dtype or inferred}, found one outside ({error}); use a floating dtype"
        ) from None
    except ValueError as error:
        raise ShapeError(
            f"tensor: expected nested sequences of equal lengths, found otherwise ({error})"
        ) from None
    check_fits("tensor", values, dtype)
    return values.astype(dtype)


def legacy_array(function: str, arguments: tuple, dtype: np.dtype) -> np.ndarray:
    """The array that PyTorch's older constructors make: ``torch.Tensor``, ``torch.LongTensor`` and
    ``x.new``.

    Args:
        function: the name of the constructor, for errors.
        arguments: sizes, for uninitialized values; a Size; or one sequence or array, which is converted.
        dtype: of the result, whatever the data are.

    Raises:
        TypeError: the arguments are none of these.
        ShapeError: a size is negative, or sequences have unequal lengths.
        RangeError: a number is out of the range of the dtype.

    >>> legacy_array("Tensor", (2, 3), np.dtype("float32")).shape
    (2, 3)
    >>> legacy_array("Tensor", ([2, 3],), np.dtype("float32"))
    array([2., 3.], dtype=float32)
    """
    sizes = arguments or (0,)
    if len(arguments) == 1:
        (data,) = arguments
        if data is None or isinstance(data, (bool, float, complex, np.inexact, np.bool, str, bytes)):
            raise TypeError(
                f"{function}: data must be a sequence (got {type(data).__name__}); use torch.tensor() for a "
                "number"
            )
        if isinstance(data, Size):
            sizes = data
        elif not isinstance(data, (int, np.integer)):
            return new_array(data, dtype)
    try:
        shape = tuple(map(operator.index, sizes))
    except TypeError:
        kinds = ", ".join(type(size).__name__ for size in sizes)
        raise TypeError(
            f"{function}: expected sizes, or one sequence, array or tensor, found ({kinds}); use "
            "torch.tensor() for other arguments"
        ) from None
    if min(shape, default=0) < 0:
        raise ShapeError(f"{function}: Trying to create tensor with negative dimension, found {shape}")
    return np.empty(shape, dtype)


def _cast(array: np.ndarray, dtype: np.dtype | None) -> np.ndarray:
    if dtype is not None and array.dtype.kind == "c" and dtype.kind != "c":
        array = array.real
    with np.errstate(all="ignore"):
        return array.astype(dtype or array.dtype)


_MAX_DEPTH = 64
"""NumPy's largest number of dimensions."""

_NUMBERS = (bool, int, float, complex, np.generic)


class _Found:
    """The dtypes and numbers found in nested sequences."""

    def __init__(self) -> None:
        self._kinds: set[type] = set()
        self._dtypes: set[np.dtype] = set()

    def plain(self, data) -> Any:
        """The data with tensors replaced by arrays."""
        kind = type(data)
        if kind in (int, float, bool, complex):
            self._kinds.add(kind)
            return data
        if kind is list or kind is tuple:
            level, kinds = data, set(map(type, data))
            depth = 1
            while kinds and kinds <= {list, tuple}:
                depth += 1
                if depth > _MAX_DEPTH:
                    raise ShapeError(
                        f"tensor: expected sequences nested at most {_MAX_DEPTH} deep, found deeper ones, or "
                        "one that contains itself"
                    )
                level = list(chain.from_iterable(level))
                kinds = set(map(type, level))
            if kinds <= {int, float, bool, complex}:  # most sequences, and the long ones
                self._kinds |= kinds
                return data
            return [self.plain(value) for value in data]
        if isinstance(data, ArrayProtocol):
            return self._note_dtype(data.array)
        if isinstance(data, np.ndarray | np.generic) or hasattr(data, "__array__"):
            return self._note_dtype(plain_array("tensor", np.asarray(data)))
        for number in (int, float, complex):  # a subclass, e.g. an enumeration
            if isinstance(data, number):
                return self.plain(number(data))  # type: ignore[arg-type]
        if isinstance(data, Sequence | bytearray | memoryview | array) and not isinstance(data, (str, bytes)):
            return self.plain(list(data))
        raise DtypeError(
            f"tensor: expected numbers, found {kind.__name__}: could not infer dtype of {kind.__name__}; "
            "convert it to numbers first"
        )

    def _note_dtype(self, array: np.ndarray) -> np.ndarray:
        self._dtypes.add(array.dtype)
        return array if type(array) is np.ndarray else array.tolist()  # a recording one sees that it is read

    def dtype(self) -> np.dtype:
        """The dtype that holds everything found; the default dtype if nothing was found."""
        default = default_dtype()
        of_python = {bool: np.dtype(bool), int: np.dtype(np.int64), float: default}
        dtypes = self._dtypes | {
            of_python[kind] if kind is not complex else np.result_type(default, np.complex64)
            for kind in self._kinds
        }
        result: np.dtype | None = None
        for dtype in sorted(
            dtypes, key=lambda d: "cfiub".index(d.kind)
        ):  # independent of the order of the data
            result = dtype if result is None else promoted(result, dtype)
        return default if result is None else result


__all__ = ["legacy_array", "new_array", "plain_array"]
