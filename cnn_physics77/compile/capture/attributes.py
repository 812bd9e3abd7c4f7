"""Attributes of modules before a call, and which of them the call has changed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from cnn_physics77.compile.capture.snapshots import is_container, parts_of
from cnn_physics77.compile.capture.tree import is_equal
from cnn_physics77.core.layers.module import Module


class AttributesBefore:
    """The attributes that modules have when they are noted, and the items of lists and dicts among them.

    >>> from cnn_physics77 import nn
    >>> layer = nn.Identity()
    >>> layer.calls = 1
    >>> before = AttributesBefore()
    >>> before.note(layer)
    >>> layer.calls += 1
    >>> before.changed([layer])
    'calls'
    """

    def __init__(self) -> None:
        self._before: dict[int, tuple[Module, dict[str, list[Any]]]] = {}

    def note(self, module: Module) -> None:
        """Note those of a module and of its parts, if that has not been done."""
        if id(module) not in self._before:
            for part in module.modules():
                self._before.setdefault(id(part), (part, _attributes_of(part)))

    def changed(self, modules: Iterable[Module]) -> str:
        """The name of an attribute of one of these that is not what it was; "" for none."""
        for module in modules:
            if id(module) not in self._before:  # it was added meanwhile
                continue
            before, now = self._before[id(module)][1], _attributes_of(module)
            for name in before.keys() | now.keys():
                old, new = before.get(name, []), now.get(name, [])
                if len(old) != len(new) or not all(map(is_equal, old, new)):
                    return name
        return ""


def _attributes_of(module: Module) -> dict[str, list[Any]]:
    """Each attribute, and after it its keys and items if it has some."""
    return {
        name: [value, *chain(*parts_of(value))] if is_container(value) else [value]
        for name, value in vars(module).items()
    }
