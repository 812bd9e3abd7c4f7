"""Copies of a tensor: ``copy.copy``, ``copy.deepcopy`` and ``pickle``. They keep the class, what the user has
hung onto the tensor (``x.tag = ...``) and the order of its memory; a deep copy also keeps which tensors look
at the same memory.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from cnn_physics77.core.errors import GradientError


class Packed(NamedTuple):
    """An array without gaps and repeats, and how the values lie in it.

    Attributes:
        values: contiguous, the axes in the order of memory, an expanded one with size 1.
        axes: which axis of the array each axis of ``values`` is; None if it is the array itself.
        shape: of the array.
    """

    values: np.ndarray
    axes: tuple[int, ...] | None
    shape: tuple[int, ...]

    def array(self) -> np.ndarray:
        """The array, in the order of memory that it had."""
        if self.axes is None:
            return self.values
        array = self.values.transpose(tuple(np.argsort(self.axes)))
        return array if array.shape == self.shape else np.broadcast_to(array, self.shape)


def packed(array: np.ndarray) -> Packed:
    """The array as it is best stored.

    >>> packed(np.zeros((2, 3)).T).axes, packed(np.broadcast_to(np.ones(1), (1000,))).values
    ((1, 0), array([1.]))
    """
    if array.flags.c_contiguous:
        return Packed(array, None, array.shape)
    once = array[tuple(slice(None, 1) if s == 0 else slice(None) for s in array.strides)]
    axes = tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))
    return Packed(np.ascontiguousarray(once.transpose(axes)), axes, array.shape)


def root_of(array: np.ndarray) -> np.ndarray:
    """The array in whose memory this one lies, after all views between them; itself if it is no view."""
    root, base = array, array.base
    while base is not None:
        if isinstance(base, np.ndarray):
            root = base
        base = getattr(base, "base", None)  # NumPy's as_strided has an object of its own in between
    return root


def address(array: np.ndarray) -> int:
    """Where its first element lies."""
    return array.__array_interface__["data"][0]


def _deep_copied(array: np.ndarray, memo: dict) -> np.ndarray:
    """A copy with the same strides; arrays on one memory become arrays on one memory."""
    root = root_of(array)
    if id(root) not in memo:
        memo[id(root)] = root.copy(order="K")
        memo.setdefault(id(memo), []).append(root)  # as copy.deepcopy keeps what it has copied alive
    copied = memo[id(root)]
    if root is array:
        return copied
    axes = sorted(range(copied.ndim), key=lambda axis: -copied.strides[axis])
    whole = copied.transpose(axes)
    if not whole.flags.c_contiguous or copied.strides != root.strides:
        return array.copy(order="K")  # memory with gaps, which is no NumPy array's own
    return np.ndarray(
        array.shape,
        array.dtype,
        buffer=whole.reshape(-1).view(np.uint8),
        offset=address(array) - address(root),
        strides=array.strides,
    )


def attributes_of(tensor: Any) -> dict[str, Any]:
    """What was hung onto this very tensor by its class or the user."""
    return {name: value for name, value in vars(tensor).items() if name not in tensor._own}


class Copying:
    """How a tensor is copied."""

    _own: frozenset[str] = frozenset()
    """The attributes that belong to the tensor itself, of which copies take care one by one."""

    def __copy__(self: Any) -> Any:
        """Another tensor on the same memory: a leaf without gradient, with the same attributes."""
        copied = object.__new__(type(self))
        copied._look_at(self)
        vars(copied).update(attributes_of(self))
        copied.requires_grad_(self.requires_grad)
        return copied

    def _look_at(self: Any, other: Any) -> None:
        """Be on the memory of another tensor, whose changes in place are seen here."""
        view = other.view_of_memory(other.array)
        self.array, self._changes = view.array, view._changes

    def __deepcopy__(self, memo: dict) -> Any:
        return self._deep_copy(memo)

    def _deep_copy(self: Any, memo: dict, gradient: bool = True) -> Any:
        if not self.is_leaf:
            raise GradientError(
                "deepcopy: only leaves can be copied, found the result of a recorded operation; detach it "
                "first"
            )
        copied = object.__new__(type(self))
        memo[id(self)] = copied
        copied.array = _deep_copied(self.array, memo)
        copied.requires_grad_(self.requires_grad)
        if gradient:
            copied.grad = deepcopy(self.grad, memo)
        vars(copied).update(deepcopy(attributes_of(self), memo))
        return copied

    def __reduce_ex__(self: Any, protocol) -> tuple:
        if not self.is_leaf:
            raise GradientError(
                "pickle: only leaves can be stored, found the result of a recorded operation; detach it first"
            )
        return _rebuild, (type(self), packed(self.array), self.requires_grad), attributes_of(self) or None


def _rebuild(kind: Any, values: Packed, requires_grad: bool) -> Any:
    made = kind.__new__(kind)
    made.array = values.array()
    made.requires_grad_(requires_grad)
    return made


__all__ = ["Copying", "Packed", "address", "attributes_of", "packed", "root_of"]
