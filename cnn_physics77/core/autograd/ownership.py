"""What the interpreter's reference counts tell about who can see a tensor's memory.

Three functions use it, where the operation alone cannot know: ``relu`` of a temporary works in its memory, a
recorded change in place takes over the memory of the new values, and ``view`` may put the elements of a
convolution's result into the order of their indices. PyTorch asks its reference counts the same questions.

Counts are exact in CPython with its global lock. Elsewhere (free-threaded CPython, other interpreters)
:data:`COUNTS_TELL` is False, every answer is no, and the three take their slower or stricter way.
"""

from __future__ import annotations

import sys
from sys import getrefcount, version_info
from typing import Any

import numpy as np

from cnn_physics77.core.kernels.runtime.layout import flat

COUNTS_TELL = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()
"""The switch: whether reference counts are asked at all."""


class _Holder:
    """An object with an attribute, as a tensor with its array."""


_holder: Any = _Holder()
_holder.array = object()

UNIQUE = getrefcount(_holder.array)
"""The count of an object that nothing but an attribute of another object refers to."""


def _count(value) -> int:
    return getrefcount(value)


def _count_of_argument(value) -> int:
    return _count(value)


TEMPORARY = _count_of_argument(object()) if version_info < (3, 14) else 0
"""The count, one call further down, of a function's argument that the function's caller keeps nothing of, as
in ``f(g(x))``. From Python 3.14 on a caller's variable is not counted, and nothing can be told."""


def is_temporary(argument) -> bool:
    """Whether a function's argument, a tensor that the function asks about, is a temporary: its caller has no
    other reference to it, and its memory can be reached by nothing else."""
    return COUNTS_TELL and getrefcount(argument) <= TEMPORARY and owns_memory(argument)


def owns_memory(tensor) -> bool:
    """Whether nothing but this tensor reaches its memory, and it can be written into: an array of its own, or
    the only view of one, without holes or repeats."""
    if not COUNTS_TELL or getrefcount(tensor.array) > UNIQUE or not tensor.array.flags.writeable:
        return False
    if tensor.array.base is None:
        return tensor.array.flags.owndata
    whole = type(tensor.array.base) is np.ndarray and tensor.array.base.flags.owndata
    return whole and getrefcount(tensor.array.base) <= UNIQUE and flat(tensor.array) is not None


def is_unshared(tensor, aliases: int = 0) -> bool:
    """Whether nothing but this tensor, and ``aliases`` others that are known, refers to its array, which has
    memory of its own."""
    if not COUNTS_TELL or getrefcount(tensor.array) > UNIQUE + aliases:
        return False
    if not isinstance(tensor.array, np.ndarray):  # of a transform; its views share the count of changes
        return tensor._changes is None or getrefcount(tensor._changes) <= UNIQUE + aliases
    if type(tensor.array) is not np.ndarray:
        return _is_unshared_recording(tensor.array)
    base = tensor.array.base
    return base is None or (
        type(base) is np.ndarray and base.flags.owndata and getrefcount(base) <= UNIQUE + 1  # and this name
    )


def _is_unshared_recording(array: np.ndarray) -> bool:
    """The same of the array of a capture: a view, maybe in several steps, of memory that the record knows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
        known = 2 + (array.base is None)  # the view, this name, and the record's reference to the last one
        if getrefcount(array) > UNIQUE - 1 + known:
            return False
    return array.flags.owndata
