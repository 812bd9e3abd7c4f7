"""The limits of the numbers of a dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.errors import DtypeError


class _Limits:
    """What :class:`finfo` and :class:`iinfo` have in common: equality, and the text of their attributes."""

    bits: int
    min: Any
    max: Any
    dtype: str

    def __eq__(self, other) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(self.dtype)


_UNHELD = {
    "torch.bfloat16": (16, 2.0**-7, 2.0**128 - 2.0**120, 2.0**-126, 0.01),
    "torch.float8_e4m3fn": (8, 2.0**-3, 448.0, 2.0**-6, 1.0),
    "torch.float8_e4m3fnuz": (8, 2.0**-3, 240.0, 2.0**-7, 1.0),
    "torch.float8_e5m2": (8, 2.0**-2, 57344.0, 2.0**-14, 1.0),
    "torch.float8_e5m2fnuz": (8, 2.0**-3, 57344.0, 2.0**-15, 1.0),
}
"""Of the floating dtypes that NumPy lacks: bits, eps, max, the smallest normal number, resolution."""


class finfo(_Limits):
    """The limits of a floating dtype; of a complex one, those of its parts.

    Attributes:
        bits: bits per number.
        eps: the difference of 1 and the next larger number.
        min, max: the smallest and the largest finite number.
        smallest_normal, tiny: the smallest positive number of full precision.
        resolution: of decimal numbers, 10^-digits.
        dtype: the name, such as "float32".

    Args:
        type: a floating or complex dtype, by default the default one.

    Raises:
        DtypeError: an integer or boolean dtype.

    >>> import cnn_physics77 as torch
    >>> torch.finfo(torch.float32).eps == 2**-23
    True
    >>> torch.finfo(torch.bfloat16).eps == 2**-7
    True
    """

    def __init__(self, type=None):
        if str(type) in _UNHELD:
            self.dtype = str(type).removeprefix("torch.")
            self.bits, self.eps, self.max, self.tiny, self.resolution = _UNHELD[str(type)]
            self.min, self.smallest_normal = -self.max, self.tiny
            return
        given = default_dtype() if type is None else np.dtype(type)
        if given.kind not in "fc":
            raise DtypeError(
                f"finfo: torch.finfo() requires a floating point input type, found torch.{given}; use "
                "torch.iinfo"
            )
        found = np.finfo(given)
        self.bits = found.bits
        self.eps, self.min, self.max = float(found.eps), float(found.min), float(found.max)
        self.smallest_normal = self.tiny = float(found.smallest_normal)
        self.resolution = 10.0**-found.precision
        self.dtype = found.dtype.name

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{n}={getattr(self, n):g}' for n in names)}, dtype={self.dtype})"


class iinfo(_Limits):
    """The limits of an integer dtype.

    Attributes:
        bits: bits per number.
        min, max: the smallest and the largest number.
        dtype: the name, such as "int8".

    Raises:
        DtypeError: a dtype of other numbers.

    >>> import cnn_physics77 as torch
    >>> torch.iinfo(torch.int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    def __init__(self, type):
        given = np.dtype(type)
        if given.kind not in "iu":
            raise DtypeError(
                f"iinfo: torch.iinfo() requires an integer input type, found torch.{given}; use torch.finfo"
            )
        found = np.iinfo(given)
        self.bits, self.min, self.max, self.dtype = found.bits, found.min, found.max, given.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


__all__ = ["finfo", "iinfo"]
