"""Places where values are, and values as they were, to be compared with what is there later."""

from __future__ import annotations

import gc
import sys
from array import array
from collections import OrderedDict, deque
from collections.abc import Callable
from operator import is_
from types import MappingProxyType
from typing import Any

import numpy as np

from cnn_physics77.compile.capture.tree import is_equal

_MAPPINGS = (OrderedDict, dict, MappingProxyType)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
CONTAINERS = (*_MAPPINGS, list, tuple, set, frozenset, deque, bytearray, array, *_VIEWS)


class Attribute:
    """An attribute of an object as a dict of one item, whatever its name is there."""

    def __init__(self, thing: Any, name: str) -> None:
        self.thing, self.name = thing, name

    def get(self, name: str, default: Any) -> Any:
        """The attribute, or the default. ``__getattr__`` of the user's is not called; the content of an empty
        cell is a ValueError."""
        kind: Any = type(self.thing)
        try:
            return kind.__getattribute__(self.thing, self.name)
        except (AttributeError, ValueError):
            return default


class Result:
    """What a function without arguments gives of a thing, as a dict of one item."""

    def __init__(self, function: Callable[[], Any], thing: Any) -> None:
        self.function, self.thing = function, thing

    def get(self, name: str, default: Any) -> Any:
        """The result, or the default: that of a variable of a context may not be set."""
        try:
            return self.function()
        except LookupError:
            return default


class Held:
    """One of the objects that an object of compiled code refers to, as a dict of one item."""

    def __init__(self, thing: Any, place: int) -> None:
        self.thing, self.place = thing, place

    def get(self, name: str, default: Any) -> Any:
        """The object, or the default: it may refer to fewer now."""
        found = gc.get_referents(self.thing)
        return found[self.place] if self.place < len(found) else default


class Values:
    """An array of NumPy as it was."""

    def __init__(self, array: np.ndarray) -> None:
        self.value, self.copy = array, array.copy()

    def is_same(self, value: Any) -> bool:
        """Whether ``value`` is an array of the same values."""
        return (
            isinstance(value, np.ndarray)
            and (value.dtype, value.shape) == (self.copy.dtype, self.copy.shape)
            and value.tobytes() == self.copy.tobytes()
        )


class Items:
    """A list, tuple, dict, set or the like as it was: its keys, its items, and what these were."""

    def __init__(self, value: Any, keys: list, found: list, items: list) -> None:
        self.value, self.kind = value, type(value)
        self.keys, self.found, self.items = keys, found, items
        self.inner = [(new, old) for new, old in zip(items, found) if new is not old]

    def is_same(self, value: Any) -> bool:
        """Whether ``value`` has the same items in the same order."""
        if type(value) is not self.kind:
            return False
        keys, items = parts_of(value)
        if len(items) != len(self.items) or not _are_same(keys, self.keys):
            return False
        if all(map(is_, items, self.found)):
            return all(new.is_same(old) for new, old in self.inner)
        return all(map(is_same_as, items, self.items))


def is_container(value: Any) -> bool:
    return isinstance(value, CONTAINERS) and value is not sys.modules


def parts_of(value: Any) -> tuple[list, list]:
    """The keys and values of a dict, and the items of any other container, in their order."""
    kind: Any = next(kind for kind in CONTAINERS if isinstance(value, kind))
    if kind in _MAPPINGS:  # whatever a class of the user's makes of its methods
        return [*kind.keys(value)], [*kind.values(value)]
    return [], [*kind.__iter__(value)]


def is_same_as(found: Any, value: Any) -> bool:
    if type(value) in (Items, Values):
        return value.is_same(found)
    return is_equal(found, value)


def _are_same(found: list, values: list) -> bool:
    """The first is quick."""
    return all(map(is_, found, values)) or all(map(is_same_as, found, values))
