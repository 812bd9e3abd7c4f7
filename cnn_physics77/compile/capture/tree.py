"""Nested tuples, lists and dicts of tensors, as a flat list of tensors and a description of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnn_physics77.core.tensor import Tensor


def is_dense(value: Any) -> bool:
    """Whether this is a tensor that has an array: not a sparse one, or a parameter without a shape yet."""
    return isinstance(value, Tensor) and "array" in value.__dict__


class _Leaf:
    def __repr__(self) -> str:
        return "tensor"


_LEAF = _Leaf()


class Other:
    """A value that is no tensor. Two are equal if their types and values are, or if they are one object."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if type(other) is not Other:
            return False
        return is_equal(self.value, other.value)

    def __hash__(self) -> int:
        value = self.value
        if type(value) is slice:  # hashable from Python 3.12 on
            return hash((value.start, value.stop, value.step))
        return hash(value) if type(value) in _COMPARED else id(value)

    def __repr__(self) -> str:
        return repr(self.value)


_COMPARED = (bool, int, float, complex, str, bytes, type(None), slice, range)


def is_equal(a: Any, b: Any) -> bool:
    """Whether two values are one object, or numbers or texts that nothing can tell apart."""
    if a is b:
        return True
    if type(a) is not type(b) or type(a) not in _COMPARED:
        return False
    if a == b:
        return bool(a) or type(a) not in (float, complex) or repr(a) == repr(b)  # 0.0 and -0.0
    return type(a) is float and a != a and b != b


def is_leaf(description: Any) -> bool:
    """Whether a description is that of a tensor."""
    return description is _LEAF


def flatten(value: Any, leaves: list[Tensor]) -> Any:
    """The description of ``value``, which can be compared; its tensors are appended to ``leaves``."""
    kind = type(value)
    if is_dense(value):
        leaves.append(value)
        return _LEAF
    if kind is tuple or kind is list:
        return (kind, *[flatten(item, leaves) for item in value])
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return (kind, *[flatten(item, leaves) for item in value])
    if kind is dict:
        return (kind, *[(key, flatten(item, leaves)) for key, item in value.items()])
    return Other(value)


def others(description: Any) -> Iterator[Any]:
    """The values in a description that are no tensors with an array."""
    if type(description) is Other:
        yield description.value
    elif type(description) is tuple:
        for item in description[1:]:
            yield from others(item)


def rebuild(description: Any, leaves: list[Tensor]) -> Any:
    """The value of a description, with ``leaves`` for its tensors; takes them off the front of the list."""
    if description is _LEAF:
        return leaves.pop(0)
    if type(description) is Other:
        return description.value
    kind, *items = description
    if kind is dict:
        return {key: rebuild(item, leaves) for key, item in items}
    rebuilt = [rebuild(item, leaves) for item in items]
    return kind(*rebuilt) if hasattr(kind, "_fields") else kind(rebuilt)
