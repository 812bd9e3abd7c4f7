"""Copies of a tensor: ``copy.copy``, ``copy.deepcopy`` and ``pickle``; memory that processes share.

Copies keep the class, the attributes that the user has set (``x.tag = ...``) and the memory order. Deep
copies of tensors that share memory share memory.
"""

from __future__ import annotations

import mmap
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from cnn_physics77.core.errors import GradientError


class Packed(NamedTuple):
    """An array without gaps and repeated elements, and how to restore the original.

    Attributes:
        values: a contiguous array, its axes in memory order, expanded axes with size 1.
        axes: for each axis of ``values``, the axis of the original; None if ``values`` is the original.
        shape: the original shape.
    """

    values: np.ndarray
    axes: tuple[int, ...] | None
    shape: tuple[int, ...]

    def array(self) -> np.ndarray:
        """The array, in its original memory order."""
        if self.axes is None:
            return self.values
        array = self.values.transpose(tuple(np.argsort(self.axes)))
        return array if array.shape == self.shape else np.broadcast_to(array, self.shape)


def packed(array: np.ndarray) -> Packed:
    """The array in the form in which it is stored.

    >>> packed(np.zeros((2, 3)).T).axes, packed(np.broadcast_to(np.ones(1), (1000,))).values
    ((1, 0), array([1.]))
    """
    if array.flags.c_contiguous:
        return Packed(array, None, array.shape)
    once = array[tuple(slice(None, 1) if s == 0 else slice(None) for s in array.strides)]
    axes = tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))
    return Packed(np.ascontiguousarray(once.transpose(axes)), axes, array.shape)


def root_of(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory of this one: the end of the chain of views."""
    root, base = array, array.base
    while base is not None:
        if isinstance(base, np.ndarray):
            root = base
        base = getattr(base, "base", None)  # as_strided puts an object of its own in between
    return root


def address(array: np.ndarray) -> int:
    """The address of its first element."""
    return array.__array_interface__["data"][0]


def _deep_copied(array: np.ndarray, memo: dict) -> np.ndarray:
    """A copy with the same strides; copies of arrays that share memory share memory."""
    root = root_of(array)
    if id(root) not in memo:
        memo[id(root)] = root.copy(order="K")
        memo.setdefault(id(memo), []).append(root)  # copy.deepcopy keeps what it has copied alive in this way
    copied = memo[id(root)]
    if root is array:
        return copied
    axes = sorted(range(copied.ndim), key=lambda axis: -copied.strides[axis])
    whole = copied.transpose(axes)
    if not whole.flags.c_contiguous or copied.strides != root.strides:
        return array.copy(order="K")  # the memory has gaps, so no NumPy array owns it
    return np.ndarray(
        array.shape,
        array.dtype,
        buffer=whole.reshape(-1).view(np.uint8),
        offset=address(array) - address(root),
        strides=array.strides,
    )


def attributes_of(tensor: Any) -> dict[str, Any]:
    """The attributes that the user or a subclass has set on this tensor."""
    return {name: value for name, value in vars(tensor).items() if name not in tensor._own}


class _SharedMemory(mmap.mmap):
    """Memory without a file, which a forked process sees."""


class Copying:
    """The part of Tensor that copies, pickles and shares it."""

    _own: frozenset[str] = frozenset()
    """Attributes of every tensor; copies treat each of them separately."""

    def __copy__(self: Any) -> Any:
        """A tensor that shares the memory: a leaf without gradient, with the same attributes."""
        copied = object.__new__(type(self))
        copied._share_memory_with(self)
        vars(copied).update(attributes_of(self))
        copied.requires_grad_(self.requires_grad)
        return copied

    def _share_memory_with(self: Any, other: Any) -> None:
        """Share the memory of another tensor, and its count of changes in place."""
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

    def share_memory_(self: Any) -> Any:
        """Move into memory that processes share which are forked from now on; returns the tensor.

        A tensor that is a view of this one, or has it as a view, stays where it is. A tensor that is sent to
        a process is copied all the same.

        >>> import cnn_physics77 as torch
        >>> x = torch.ones(2)
        >>> x.is_shared(), x.share_memory_().is_shared(), x
        (False, True, tensor([1., 1.]))
        """
        if not self.is_shared():
            old = self.array
            shared = np.frombuffer(_SharedMemory(-1, max(old.nbytes, 1)), old.dtype, old.size)
            axes = sorted(range(old.ndim), key=lambda axis: -abs(old.strides[axis]))
            self.array = shared.reshape([old.shape[a] for a in axes]).transpose(np.argsort(axes).tolist())
            self.array[...] = old
        return self

    def is_shared(self: Any) -> bool:
        """Whether processes that are forked share the memory: after :meth:`share_memory_`."""
        base = self.array
        while base is not None and not isinstance(base, _SharedMemory):
            base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
        return base is not None

    def __reduce_ex__(self: Any, protocol) -> tuple:
        return _rebuild, (type(self), packed(self.array), self.requires_grad), attributes_of(self) or None


def _rebuild(kind: Any, values: Packed, requires_grad: bool) -> Any:
    made = object.__new__(kind)
    made.array = values.array()
    made.requires_grad_(requires_grad)
    return made


__all__ = ["Copying", "Packed", "address", "attributes_of", "packed", "root_of"]
