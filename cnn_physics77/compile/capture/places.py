"""Places where a function reads, and what was there: an object, or the items of a list or an array."""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Any

import numpy as np

from cnn_physics77.compile.capture.snapshots import (
    Items,
    Values,
    is_container,
    is_same_as,
    parts_of,
)
from cnn_physics77.core.tensor import Tensor

PLAIN = (bool, int, float, complex, str, bytes, type(None))
MISSING = object()
MOST_ITEMS = 4096  # of all lists, tuples, dicts and sets together
MOST_PLACES = 16_384  # some milliseconds at each call
MOST_BYTES = 1 << 20  # of an array of NumPy whose values are compared at each call


class Places:
    """Variables, attributes and results, and what they were.

    A place is a dict, or what has ``get`` as a dict has, and a name.

    >>> variables = {"scale": [2.0]}
    >>> places = Places()
    >>> places.note_value(variables, "scale")
    True
    >>> places.finish()
    >>> variables["scale"][0] = 3.0
    >>> places.changed()
    'scale'
    """

    def __init__(self) -> None:
        self.problem = ""
        self._read: dict[tuple[int, str], tuple[Any, str, Any]] = {}
        self._deep: set[tuple[int, str]] = set()  # those whose items are compared, too
        self._contained: set[int] = set()  # the containers, by id, whose items are compared
        self._items = 0  # of all of them

    def __len__(self) -> int:
        return len(self._read)

    def note(self, space: Any, name: str, value: Any) -> None:
        """Note which object is in a place, if it has not been noted."""
        self._read.setdefault((id(getattr(space, "thing", space)), name), (space, name, value))
        if len(self._read) > MOST_PLACES:
            self.problem = f"it may read more than {MOST_PLACES} variables and attributes"

    def note_missing(self, space: Any, names: Iterable[str]) -> None:
        """Note that names are not there."""
        for name in sorted(names):
            self.note(space, name, MISSING)

    def note_value(self, space: Any, name: str) -> bool:
        """Note what is in a place, and the items of a list; False if that has been done."""
        place = id(getattr(space, "thing", space)), name
        if place in self._deep:
            return False
        self._deep.add(place)
        self._read.pop(place, None)
        self.note(space, name, self._as_it_is(space.get(name, MISSING)))
        return True

    def note_items(self, space: Any, name: str, items: dict) -> None:
        """Note all that a dictionary in a place has."""
        place = id(getattr(space, "thing", space)), name
        self._deep.add(place)
        self._read.pop(place, None)
        self.note(space, name, self._items_of(items))

    def _as_it_is(self, value: Any) -> Any:
        """What ``is_same_as`` compares with later."""
        if isinstance(value, np.ndarray) and value.nbytes <= MOST_BYTES:
            return Values(value)
        if not is_container(value) or id(value) in self._contained:  # in itself, or in several
            return value
        self._contained.add(id(value))
        self._items += len(value)
        if self._items > MOST_ITEMS:
            self.problem = f"it reads {self._items} or more items of lists"
            return value
        return self._items_of(value)

    def _items_of(self, value: Any) -> Items:
        keys, items = parts_of(value)
        same = [item if isinstance(item, PLAIN) else self._as_it_is(item) for item in items]
        return Items(value, keys, items, same)

    def finish(self) -> None:
        """All has been noted."""
        values = [value for *_, value in self._read.values()]
        self._changeable = [value for value in values if type(value) in (Items, Values)]
        self._objects = [value.value if type(value) in (Items, Values) else value for value in values]
        self._where = [(space.get, name) for space, name, _ in self._read.values()]

    def tensors(self) -> list[Tensor]:
        """The tensors among them."""
        values = [value for *_, value in self._read.values()]
        for value in values:  # grows meanwhile
            if type(value) is Items:
                values += value.items
        return [value for value in values if isinstance(value, Tensor)]

    def hold(self) -> bool:
        """Whether all are what they were. As a rule they are the same objects, which is seen quickly."""
        found = [get(name, MISSING) for get, name in self._where]
        if all(map(is_, found, self._objects)):
            return all(value.is_same(value.value) for value in self._changeable)
        return not self.changed()

    def changed(self) -> str:
        """The name of one that is not what it was; "" for none."""
        for space, name, value in self._read.values():
            if not is_same_as(space.get(name, MISSING), value):
                return name
        return ""
