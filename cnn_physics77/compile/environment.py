"""What a function's own code can see besides its arguments: variables of its module and of the functions
around it, and attributes of the objects in them.

A capture fixes what Python computes, so it holds only while these are what they were: tensors the very same,
numbers and texts equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any

from cnn_physics77.core.tensor import Tensor

PLAIN = (bool, int, float, complex, str, bytes, type(None))
MOST_ITEMS = 64  # of a list, tuple or dict that is looked into
DEPTH = 3  # of attributes of attributes
LIBRARIES = ("builtins", "cnn_physics77", "numpy")  # whose variables do not change
_MISSING = object()


class Environment:
    """The variables that a function reads, and what they were.

    >>> class Settings:
    ...     scale = 1.0
    >>> settings = Settings()
    >>> settings.scale = 2.0
    >>> def scaled(x):
    ...     return x * settings.scale
    >>> Settings.__module__ = scaled.__module__ = "script"  # what belongs to a library is not looked into
    >>> seen = Environment(scaled)
    >>> seen.holds()
    True
    >>> settings.scale = 3.0
    >>> seen.holds()
    False
    """

    def __init__(self, function: Callable) -> None:
        self._variables: list[tuple[dict[str, Any], str, Any]] = []
        self._cells: list[tuple[str, Any, Any]] = []
        self._seen: set[int] = set()
        self._visit(function)

    def add(self, functions: Iterable[Callable]) -> None:
        """Note what more functions read."""
        for function in functions:
            self._visit(function)

    def holds(self) -> bool:
        """Whether all of them are what they were."""
        return not self.changed()

    def changed(self) -> str:
        """The name of a variable that is not what it was; "" for none."""
        for space, name, value in self._variables:
            if not _is_same(space.get(name, _MISSING), value):
                return name
        for name, cell, value in self._cells:
            if not _is_same(_content(cell), value):
                return name
        return ""

    def _visit(self, function: Any) -> None:
        """Note what a function of the user's reads, and what the functions read that it can call."""
        owner = None
        if isinstance(function, MethodType):
            owner, function = function.__self__, function.__func__
        function = getattr(function, "__wrapped__", function)
        if not isinstance(function, FunctionType) or id(function) in self._seen or _is_library(function):
            return
        self._seen.add(id(function))
        names = frozenset(_names(function.__code__))
        self._attributes(owner, names, DEPTH)
        self._variables_in(function.__globals__, names, DEPTH)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            value = _content(cell)
            if _is_watched(value):
                self._cells.append((name, cell, _kept(value)))
            else:
                self._look_into(value, names, DEPTH)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._visit(default)

    def _variables_in(self, space: dict[str, Any], names: frozenset[str], depth: int) -> None:
        for name in sorted(names & space.keys()):
            value = space[name]
            if _is_watched(value):
                self._variables.append((space, name, _kept(value)))
            else:
                self._look_into(value, names, depth)

    def _look_into(self, value: Any, names: frozenset[str], depth: int) -> None:
        self._visit(value)
        self._attributes(value, names, depth)

    def _attributes(self, value: Any, names: frozenset[str], depth: int) -> None:
        """Note the attributes of an object, or the variables of a module, whose names the code has."""
        space = getattr(value, "__dict__", None)
        if type(space) is not dict or depth == 0 or id(space) in self._seen or _is_library(value):
            return
        self._seen.add(id(space))
        self._variables_in(space, names, depth - 1)


def _names(code: CodeType) -> Iterator[str]:
    """The names of variables and attributes that code reads, also in functions inside of it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_library(value: Any) -> bool:
    """Whether this is a function, class, module or object of a library."""
    name = getattr(value, "__module__", None) or getattr(value, "__name__", None)
    return isinstance(name, str) and name.partition(".")[0] in LIBRARIES


def _is_watched(value: Any) -> bool:
    return isinstance(value, (Tensor, *PLAIN)) or (
        type(value) in (list, tuple, dict) and len(value) <= MOST_ITEMS
    )


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it has none yet
        return _MISSING


class _Items:
    """A list, tuple or dict as it was."""

    def __init__(self, value: Any) -> None:
        self.kind, self.items = type(value), list(value.items() if type(value) is dict else value)

    def is_same(self, value: Any) -> bool:
        """Whether ``value`` has the same items."""
        if type(value) is not self.kind or len(value) != len(self.items):
            return False
        if self.kind is dict:
            return all(k in value and _is_same(value[k], item) for k, item in self.items)
        return all(map(_is_same, value, self.items))


def _kept(value: Any) -> Any:
    return _Items(value) if type(value) in (list, tuple, dict) else value


def _is_same(found: Any, value: Any) -> bool:
    if found is value:
        return True
    if type(value) is _Items:
        return value.is_same(found)
    return type(found) is type(value) and type(value) in PLAIN and bool(found == value)
