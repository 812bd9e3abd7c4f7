"""Arguments of transforms: errors name the function and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtype import dtype as torch_dtype
from cnn_physics77.core.tensor import Tensor

NUMBER = (int, float, np.integer, np.floating)
"""The types of real numbers."""


def _is_number(value: Any) -> bool:
    return isinstance(value, NUMBER) or getattr(value, "ndim", None) == 0


def check_numbers(function: str, **values: Any) -> None:
    """Raise a TypeError unless all are real numbers, or tensors of one."""
    for name, value in values.items():
        if not _is_number(value):
            raise TypeError(f"{function}: expected a number as {name}, found {value!r}")


def numbers_of(function: str, name: str, values: Any, *counts: int) -> tuple[Any, ...]:
    """A sequence of so many real numbers.

    >>> numbers_of("rotate", "center", [1, 2, 3], 2)
    Traceback (most recent call last):
        ...
    ValueError: rotate: expected 2 numbers as center, found [1, 2, 3]
    """
    found = isinstance(values, (Sequence, np.ndarray, Tensor)) and not isinstance(values, str)
    if not found or len(values) not in counts or not all(map(_is_number, values)):
        wanted = " or ".join(map(str, counts))
        kind = TypeError if not found or len(values) in counts else ValueError
        plural = "" if counts == (1,) else "s"
        raise kind(f"{function}: expected {wanted} number{plural} as {name}, found {values!r}")
    return tuple(values)


def check_dtype(function: str, dtype: Any) -> None:
    """Raise a TypeError unless it is a dtype."""
    if not isinstance(dtype, (torch_dtype, np.dtype, type)):
        raise TypeError(f"{function}: expected a dtype, as torch.float32, found {dtype!r}")


def bounds_of(function: str, name: str, values: Any, least: float = -np.inf) -> tuple[float, float]:
    """Two numbers (low, high) of at least ``least``.

    >>> bounds_of("RandomResizedCrop", "scale", (1.0, 0.5))
    Traceback (most recent call last):
        ...
    ValueError: RandomResizedCrop: expected low <= high as scale, found (1.0, 0.5)
    """
    low, high = (float(value) for value in numbers_of(function, name, values, 2))
    if not least <= low <= high:
        wanted = "low <= high" if least == -np.inf else f"{least:g} <= low <= high"
        raise ValueError(f"{function}: expected {wanted} as {name}, found {values!r}")
    return low, high


def kernel_sizes(function: str, kernel_size: Any) -> tuple[int, int]:
    """(horizontal, vertical), of one number or two."""
    sizes = tuple(kernel_size) if isinstance(kernel_size, (Sequence, np.ndarray)) else (kernel_size,)
    integers = all(isinstance(n, (int, np.integer)) for n in sizes)
    if len(sizes) not in (1, 2) or not integers or not all(n > 0 and n % 2 for n in sizes):
        raise (ValueError if integers else TypeError)(
            f"{function}: expected one or two odd and positive sizes as kernel_size, found {kernel_size!r}"
        )
    return int(sizes[0]), int(sizes[-1])


def check_bits(bits: Any, least: int) -> None:
    """Raise unless it is a number of bits that posterize keeps."""
    if not isinstance(bits, (int, np.integer)) or not least <= bits <= 8:
        raise (ValueError if isinstance(bits, (int, np.integer)) else TypeError)(
            f"posterize: expected an integer from {least} to 8 as bits, found {bits!r}"
        )


def check_transforms(function: str, transforms: Any) -> None:
    """Raise a TypeError unless it is a list of transforms, or a ``ModuleList``."""
    if not (hasattr(transforms, "__len__") and hasattr(transforms, "__getitem__")):
        raise TypeError(
            f"{function}: expected a sequence of transforms, found {type(transforms).__name__}; use a list"
        )
