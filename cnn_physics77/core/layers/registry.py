"""The attributes of a module that are registered as parameters, buffers or submodules, as a dictionary."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, MutableMapping
from typing import Any


class Registry(MutableMapping[str, Any]):
    """The registered attributes of one kind, by name, in the order of their assignment.

    A change changes the module. As with PyTorch's ``_parameters``, ``_buffers`` and ``_modules``, nothing is
    checked.

    >>> from cnn_physics77 import nn
    >>> layer = nn.Linear(2, 1)
    >>> del layer._parameters["bias"]
    >>> layer._parameters["scale"] = nn.Parameter()
    >>> list(layer.state_dict()), hasattr(layer, "bias")
    (['weight', 'scale'], False)
    """

    __slots__ = ("_attributes", "_default", "_names", "_others")

    def __init__(self, attributes: dict, names: dict, others: tuple[dict, ...], default: Any = None) -> None:
        self._attributes = attributes  # the module's __dict__
        self._names = names  # those of this kind, with what the module keeps about each
        self._others = others  # those of the other kinds
        self._default = default  # what it keeps about a new one

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._attributes[name]

    def __setitem__(self, name: str, value: Any) -> None:
        for names in self._others:
            names.pop(name, None)
        self._names.setdefault(name, self._default)
        self._attributes[name] = value

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        del self._attributes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def items(self) -> ItemsView[str, Any]:
        """The pairs (name, value) as they are now."""
        return {name: self._attributes[name] for name in self._names}.items()

    def copy(self) -> dict[str, Any]:
        """A dict of its own, as they are now."""
        return dict(self.items())

    def __repr__(self) -> str:
        return repr(dict(self.items()))
