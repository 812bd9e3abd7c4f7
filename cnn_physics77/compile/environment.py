"""What a function's own code can see: variables of its module and of the functions around it.

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
_MISSING = object()


class Environment:
    """The variables that a function reads, and what they were.

    >>> scale = 2.0
    >>> def scaled(x):
    ...     return x * scale
    >>> seen = Environment(scaled)
    >>> seen.holds()
    True
    >>> scale = 3.0
    >>> seen.holds()
    False
    """

    def __init__(self, function: Callable) -> None:
        self._globals: list[tuple[dict[str, Any], str, Any]] = []
        self._cells: list[tuple[Any, Any]] = []
        self._visit(function, set())

    def add(self, functions: Iterable[Callable]) -> None:
        """Note what more functions read."""
        for function in functions:
            self._visit(function, set())

    def holds(self) -> bool:
        """Whether all of them are what they were."""
        return all(
            _is_same(space.get(name, _MISSING), value) for space, name, value in self._globals
        ) and all(_is_same(_content(cell), value) for cell, value in self._cells)

    def _visit(self, function: Any, seen: set[int]) -> None:
        """Note what a function of the user's reads, and the functions that it can call."""
        if isinstance(function, MethodType):
            function = function.__func__
        function = getattr(function, "__wrapped__", function)
        if not isinstance(function, FunctionType) or id(function) in seen or _is_library(function):
            return
        seen.add(id(function))
        space = function.__globals__
        for name in set(_names(function.__code__)) & space.keys():
            self._note(space[name], seen, lambda value, name=name: self._globals.append((space, name, value)))  # type: ignore[misc]
        for cell in function.__closure__ or ():
            self._note(_content(cell), seen, lambda value, cell=cell: self._cells.append((cell, value)))  # type: ignore[misc]
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._visit(default, seen)

    def _note(self, value: Any, seen: set[int], note: Callable[[Any], None]) -> None:
        if isinstance(value, (Tensor, *PLAIN)):
            note(value)
        elif type(value) in (list, tuple, dict) and len(value) <= MOST_ITEMS:
            note(_Items(value))
        else:
            self._visit(value, seen)


def _names(code: CodeType) -> Iterator[str]:
    """The names of variables that code reads, also in functions inside of it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_library(function: FunctionType) -> bool:
    """Whether a function is of this package or of NumPy, whose variables do not change."""
    return (function.__module__ or "").partition(".")[0] in ("cnn_physics77", "numpy")


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


def _is_same(found: Any, value: Any) -> bool:
    if found is value:
        return True
    if type(value) is _Items:
        return value.is_same(found)
    return type(found) is type(value) and type(value) in PLAIN and bool(found == value)
