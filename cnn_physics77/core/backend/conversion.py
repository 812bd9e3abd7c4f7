"""Conversion between dtypes by PyTorch's rules.

Which dtypes exist, which dtype holds two others, which numbers fit a dtype, and when integers wrap.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.dtype import OF_NUMPY
from cnn_physics77.core.errors import DtypeError, RangeError

DTYPES = frozenset(OF_NUMPY)
"""The element types of tensors. NumPy's others (longdouble, object, str, datetime64, records) are refused."""


def as_dtype(function: str, dtype) -> np.dtype:
    """The dtype, in native byte order, of a NumPy dtype or scalar type, or of a Python type.

    Python's bool, int, float and complex are bool, int64, float64 and complex128.

    Raises:
        DtypeError: not a dtype, or not one of :data:`DTYPES`.
    """
    try:
        found = None if dtype is None else np.dtype(dtype).newbyteorder("=")
    except DtypeError as error:
        raise DtypeError(f"{function}: {error}") from None
    except (TypeError, ValueError):
        found = None
    if found not in DTYPES:
        raise DtypeError(
            f"{function}: expected a dtype of numbers such as torch.float32, found {dtype!r}"
        ) from None
    return found


def as_array(value) -> np.ndarray:
    """A number of NumPy, which its functions return in the place of 0-d arrays, as such an array. Arrays of
    any class stay what they are."""
    return np.asarray(value) if isinstance(value, (np.generic, int, float, complex)) else value


def promoted(type1, type2) -> np.dtype:
    """The smallest dtype that both can be converted to, by PyTorch's table.

    A floating dtype stays unchanged when it meets an integer one, where NumPy would widen it.

    >>> promoted(np.float32, np.int64)
    dtype('float32')
    """
    a, b = np.dtype(type1), np.dtype(type2)
    if a.kind in "fc" and b.kind in "biu":
        return a
    if b.kind in "fc" and a.kind in "biu":
        return b
    wider = np.promote_types(a, b)
    if (
        wider.kind == "f" and a.kind in "iu" and b.kind in "iu"
    ):  # no integer dtype holds uint64 and a signed one
        raise DtypeError(
            f"promote_types: expected dtypes with a common one, found torch.{a} and torch.{b}; convert one"
        )
    return wider


# --------------------------------------------------------------------------------------------- Python numbers

_LEAST, _GREATEST = -(1 << 63), (1 << 64) - 1


def wrapped(function: str, value, dtype: np.dtype) -> np.ndarray:
    """A number as a 0-d array, as arithmetic operators convert it.

    An integer wraps modulo 2^bits in an integer dtype. A floating number out of range becomes infinite.

    Raises:
        RangeError: an integer outside of [-2^63, 2^64), which no integer dtype holds.

    >>> wrapped("add", 300, np.dtype("uint8")), wrapped("add", -1, np.dtype("uint8"))
    (array(44, dtype=uint8), array(255, dtype=uint8))
    """
    if dtype.kind in "iu" and isinstance(value, (int, np.integer)):
        number = int(value)
        if not _LEAST <= number <= _GREATEST:
            raise RangeError(
                f"{function}: expected an integer of at most 64 bits, found {value}: int too big to convert; "
                "use a floating dtype"
            )
        return np.asarray(number & _GREATEST, np.uint64).astype(dtype)
    with np.errstate(all="ignore"):
        return np.asarray(value, dtype=dtype)


def fitted(function: str, value, dtype: np.dtype) -> np.ndarray:
    """A number, or an object with ``item()``, as a 0-d array of the dtype: for fill values, bounds, factors.

    The number must be in the range of the dtype. Conversion to an integer dtype truncates.

    Raises:
        RangeError: the number is out of range.
        DtypeError: the number is complex and the dtype is real.

    >>> fitted("fill_", 7.9, np.dtype("uint8"))
    array(7, dtype=uint8)
    """
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, int) and dtype.kind in "iu":
        check_fits(function, np.asarray(value), dtype)
        return wrapped(function, value, dtype)
    whole = isinstance(value, int) and dtype.kind in "fc"  # of any size
    number = np.asarray(value, np.float64 if whole else None)
    check_fits(function, number, dtype)
    with np.errstate(all="ignore"):
        return number.astype(dtype)


def assigned(function: str, value, dtype: np.dtype) -> np.ndarray:
    """A number as a 0-d array of the dtype, as assignment and :func:`where` convert it.

    As :func:`fitted`, but a float16 may become infinite, as in PyTorch, which converts through float32.
    """
    value = value.item() if hasattr(value, "item") else value
    if dtype == np.float16 and not isinstance(value, complex):
        return wrapped(function, value, dtype)
    return fitted(function, value, dtype)


def check_fits(function: str, values: np.ndarray, dtype: np.dtype) -> None:
    """Raise unless all numbers are in the range of the dtype, by PyTorch's rule.

    A negative integer down to minus the largest value is allowed for an unsigned dtype, and wraps. Infinity
    and NaN are allowed for a floating dtype.

    Raises:
        RangeError: a number is out of range.
        DtypeError: the numbers are complex and the dtype is real.
    """
    kind = values.dtype.kind
    if kind == "c" and dtype.kind != "c":
        raise DtypeError(
            f"{function}: value cannot be converted to type torch.{dtype}, found a complex one; take its "
            ".real"
        )
    if kind == "b" or not values.size:
        return
    if dtype.kind == "b":
        fits = kind != "O"  # an integer of more than 64 bits
    elif dtype.kind in "iu":
        limits = np.iinfo(dtype)
        least = -limits.max if dtype.kind == "u" and kind in "iuO" else limits.min
        # 2^63 - 1 is not a float64; it would be rounded to 2^63
        greatest = np.nextafter(float(limits.max), 0) if kind == "f" and limits.bits == 64 else limits.max
        fits = bool(((least <= values) & (values <= greatest)).all())
    elif kind in "fc" and values.dtype.itemsize > dtype.itemsize:
        greatest = np.finfo(dtype).max
        parts = (values.real, values.imag) if kind == "c" else (values,)
        fits = all(bool(((np.abs(part) <= greatest) | ~np.isfinite(part)).all()) for part in parts)
    else:
        return
    if not fits:
        found = values.item() if values.size == 1 else f"values from {values.min()} to {values.max()}"
        raise RangeError(
            f"{function}: value cannot be converted to type torch.{dtype} without overflow, found {found}; "
            "use a wider dtype"
        )


__all__ = ["DTYPES", "as_dtype", "assigned", "check_fits", "fitted", "promoted", "wrapped"]
