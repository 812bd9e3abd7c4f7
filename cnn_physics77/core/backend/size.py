"""The sizes of a tensor: a tuple that knows how many elements they make, and prints as PyTorch's."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any


class Size(tuple[int, ...]):
    """The sizes of the dimensions, ``x.shape``: a tuple of integers.

    Slices, sums and multiples of it are sizes too; it equals and hashes as the tuple.

    Args:
        sizes: integers.

    Raises:
        TypeError: they are not integers.

    >>> size = Size((2, 3, 4))
    >>> size, size.numel(), size[1:], (5,) + size
    (torch.Size([2, 3, 4]), 24, torch.Size([3, 4]), torch.Size([5, 2, 3, 4]))
    """

    __slots__ = ()

    def __new__(cls, sizes: Iterable = ()) -> Size:
        return _new(cls, map(_integer, sizes))

    def numel(self) -> int:
        """The number of elements: the product of the sizes."""
        return math.prod(self)

    def __getitem__(self, index) -> Any:
        found = _getitem(self, index)
        return _new(Size, found) if type(found) is tuple else found

    def __add__(self, other) -> Any:
        return _new(Size, tuple(self) + other) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other) -> Any:
        return _new(Size, other + tuple(self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times) -> Any:
        return _new(Size, tuple(self) * times)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __reduce__(self) -> tuple:
        return Size, (tuple(self),)


_new, _getitem = tuple.__new__, tuple.__getitem__


def _integer(size) -> int:
    try:
        return operator.index(size)
    except TypeError:
        raise TypeError(
            f"Size: torch.Size() takes an iterable of 'int', found a {type(size).__name__}; use int()"
        ) from None


def size_of(shape: tuple[int, ...]) -> Size:
    """The Size of an array's shape, unchecked."""
    return _new(Size, shape)


__all__ = ["Size", "size_of"]
