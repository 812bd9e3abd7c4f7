"""What a function's own code can see: variables of its module and of the functions around it.

A capture fixes what Python computes, so it holds only while these are what they were: tensors the very same,
numbers and texts equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.tensor import Tensor

PLAIN = (bool, int, float, complex, str, bytes, type(None))
MOST_ITEMS = 64  # of a list, tuple or dict that is looked into
_MISSING = object()


class Environment:
    """The variables that a function reads, and what they were.

    >>> scale = 2.0
    >>> def scaled(x):
    ...     return x * scale
    >>> scaled.__module__ = "script"  # what belongs to the package is not looked into
    >>> seen = Environment(scaled)
    >>> seen.holds()
    True
    >>> scale = 3.0
    >>> seen.changed()
    'scale'
    """

    def __init__(self, function: Callable) -> None:
        self._read: list[tuple[Any, str, Any]] = []  # where, by what name, and what
        self._visit(function, set())

    def add(self, functions: Iterable[Callable]) -> None:
        """Note what more functions read."""
        for function in functions:
            self._visit(function, set())

    def tensors(self) -> list[Tensor]:
        """The tensors among them."""
        values = [value for *_, value in self._read]
        for value in values:  # grows meanwhile
            if type(value) is _Items:
                values += [item[1] if value.kind is dict else item for item in value.items]
        return [value for value in values if isinstance(value, Tensor)]

    def holds(self) -> bool:
        """Whether all of them are what they were."""
        return not self.changed()

    def changed(self) -> str:
        """The name of a variable that is not what it was; "" for none."""
        for space, name, value in self._read:
            if not _is_same(space.get(name, _MISSING), value):
                return name
        return ""

    def _visit(self, function: Any, seen: set) -> None:
        """Note what a function of the user's reads, and the functions that it can call."""
        owner, given = None, ()
        if isinstance(function, partial):
            given, function = (*function.args, *function.keywords.values()), function.func
        if isinstance(function, MethodType):
            owner, function = function.__self__, function.__func__
        elif not isinstance(function, (type, FunctionType)) and not hasattr(function, "__wrapped__"):
            calls = (kind.__dict__.get("__call__") for kind in type(function).__mro__)
            owner, function = function, next(filter(None, calls), None)
        function = getattr(function, "__wrapped__", function)
        if not isinstance(function, FunctionType) or _is_library(function):
            return
        if (id(function), id(owner)) in seen:
            return
        seen.add((id(function), id(owner)))
        names = frozenset(_names(function.__code__))
        self._look_into(function.__globals__, names, seen)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            self._note(_Attributes(cell, "cell_contents"), name, names, seen)
        defaults = function.__defaults__ or ()
        where = _Attributes(function, "__defaults__")
        self._read.append((where, "__defaults__", _Items(defaults) if defaults else None))
        for value in (*defaults, *(function.__kwdefaults__ or {}).values(), *given):
            self._note({"a default": value}, "a default", names, seen)
        self._look_at(owner, names, seen)

    def _note(self, space: Any, name: str, names: frozenset[str], seen: set) -> None:
        """Note a variable, and what code reads of its value by ``names``."""
        value = space.get(name, _MISSING)
        self._read.append((space, name, _Items(value) if _is_short(value) else value))
        self._look_through(value, names, seen)

    def _look_through(self, value: Any, names: frozenset[str], seen: set) -> None:
        if _is_short(value):
            for item in value.values() if type(value) is dict else value:
                self._look_through(item, names, seen)
        elif not isinstance(value, (Tensor, *PLAIN)):
            self._visit(value, seen)
            if not isinstance(value, FunctionType):
                self._look_at(value, names, seen)

    def _look_at(self, thing: Any, names: frozenset[str], seen: set) -> None:
        """Note the attributes of an object that code reads, by their names, and the methods that it calls."""
        if thing is None or isinstance(thing, Module) or (id(thing), names) in seen:
            return  # the attributes of modules are guarded as a whole
        seen.add((id(thing), names))
        if isinstance(thing, ModuleType) and _is_of_library(thing.__name__):
            return
        space = getattr(thing, "__dict__", None)
        if space is not None:
            self._look_into(space, names, seen)
        for kind in () if isinstance(thing, (type, ModuleType)) else type(thing).__mro__:
            if _is_of_library(kind.__module__) or kind is object:
                continue
            for name in names & kind.__dict__.keys():
                value = kind.__dict__[name]
                if space is not None and name not in space:
                    self._read.append((space, name, _MISSING))  # it would hide that of the class
                value = value.fget if isinstance(value, property) else value
                if isinstance(value, FunctionType):
                    self._visit(MethodType(value, thing), seen)
            self._look_into(kind.__dict__, names, seen)

    def _look_into(self, space: Any, names: frozenset[str], seen: set) -> None:
        for name in sorted(names & space.keys()):
            self._note(space, name, names, seen)


class _Attributes:
    """An attribute of an object as a dict of one item, whatever its name is there."""

    def __init__(self, thing: Any, name: str) -> None:
        self.thing, self.name = thing, name

    def get(self, name: str, default: Any) -> Any:
        """The attribute, or the default: the content of an empty cell is a ValueError."""
        try:
            return getattr(self.thing, self.name, default)
        except ValueError:
            return default


def _names(code: CodeType) -> Iterator[str]:
    """The names of variables that code reads, also in functions inside of it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_library(function: FunctionType) -> bool:
    """Whether a function is of this package or of NumPy, whose variables do not change."""
    return _is_of_library(function.__module__)


def _is_of_library(name: str | None) -> bool:
    return (name or "").partition(".")[0] in (
        "cnn_physics77",
        "numpy",
        "torch",
    )  # a Tensor says torch in as_torch


def _is_short(value: Any) -> bool:
    return type(value) in (list, tuple, dict) and len(value) <= MOST_ITEMS


class _Items:
    """A list, tuple or dict as it was."""

    def __init__(self, value: Any, depth: int = 0) -> None:
        self.kind = type(value)
        items = value.items() if self.kind is dict else enumerate(value)
        inner = {k: _Items(v, depth + 1) if _is_short(v) and depth < 4 else v for k, v in items}
        self.items: list = list(inner.items() if self.kind is dict else inner.values())

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
