"""What a function's own code can see: variables of its module and of the functions around it.

A capture fixes what Python computes, so it holds only while these are what they were: tensors the very same,
numbers and texts equal.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable
from functools import partial
from inspect import getattr_static
from types import CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

from cnn_physics77.compile.capture.tree import is_equal
from cnn_physics77.core.layers.containers import CONTAINERS
from cnn_physics77.core.layers.module import REGISTRIES, Module
from cnn_physics77.core.tensor import Tensor

PLAIN = (bool, int, float, complex, str, bytes, type(None))
MOST_ITEMS = 64  # of a list, tuple, dict or set that is looked into
MOST_BYTES = 1 << 20  # of an array of NumPy whose values are compared at each call
FOREIGN_NUMBERS = "it draws random numbers of Python's or NumPy's; draw them by torch.rand"
_NOT_IN_STEPS = {
    *(
        "__init__",
        "__new__",
        "__init_subclass__",
        "__del__",
        "__dict__",
        "__weakref__",
        "__doc__",
        "__module__",
    ),
    *("__repr__", "__str__", "__format__", "__dir__", "__annotations__", "__static_attributes__"),
    *("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__copy__", "__deepcopy__"),
}
"""Special names of a class that code does not use when it only uses an object."""
_READ_BY_TEXT = {"getattr", "hasattr", "vars", "__dict__", "attrgetter"}
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

    def __init__(self, function: Callable, arguments: Iterable[Any] = ()) -> None:
        self._read: list[tuple[Any, str, Any]] = []  # where, by what name, and what
        self._names: frozenset[str] = frozenset()  # of the attributes that all functions read
        self._texts: frozenset[str] = frozenset()  # those among them that need not be there
        self._gradients: dict[int, tuple[Tensor, bool]] = {}  # whether there were none when a call began
        self._guarded: set[int] = set()
        self._waiting: list[
            tuple[Callable, Any]
        ] = []  # what is looked at next: chains of objects may be long
        self.problem = ""
        self._roots = [function]
        self._arguments = list(arguments)
        self._note_all()

    def add(self, functions: Iterable[Callable], guarded: Iterable[Module]) -> None:
        """Note what more functions read, now that the attributes of some modules are guarded as a whole."""
        self._roots += functions
        self._guarded = set(map(id, guarded))
        self._note_all()

    def _note_all(self) -> None:
        """An object may be handed to a function that reads other attributes than the one that has it."""
        names = None
        while names != self._names:
            names, self._read = self._names, []
            seen: set = set()
            self._waiting = [(self._look_through, value) for value in self._arguments]
            self._waiting += [(self._visit, function) for function in self._roots]
            while self._waiting:
                look, thing = self._waiting.pop()
                look(thing, seen)

    def tensors(self) -> list[Tensor]:
        """The tensors among them."""
        values = [value for *_, value in self._read]
        for value in values:  # grows meanwhile
            if type(value) is _Items:
                values += [item[1] if value.kind is dict else item for item in value.items]
        return [value for value in values if isinstance(value, Tensor)]

    def holds(self) -> bool:
        """Whether all of them are what they were, and gradients that are asked for are there, or not."""
        gradients = self._gradients.values()
        return not self.changed() and all((t._grad is None) is none for t, none in gradients)

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
        elif not isinstance(function, (type, FunctionType)) and not _wrapped(function):
            calls = (kind.__dict__.get("__call__") for kind in type(function).__mro__)
            owner, function = function, next(filter(None, calls), None)
        function = _wrapped(function) or function
        if not isinstance(function, FunctionType) or _is_library(function):
            return
        if (id(function), id(owner)) in seen:
            return
        seen.add((id(function), id(owner)))
        texts = frozenset(_texts(function.__code__))
        names = texts.union(_names(function.__code__))
        self._texts |= texts
        self._names |= names
        if (function.__module__ or "").partition(".")[0] not in sys.stdlib_module_names:
            self._look_into(function.__globals__, names)  # those of Python's modules do not change
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            self._note(_Attributes(cell, "cell_contents"), name)
        defaults = function.__defaults__ or ()
        where = _Attributes(function, "__defaults__")
        self._read.append((where, "__defaults__", _Items(defaults) if defaults else None))
        for value in (*defaults, *(function.__kwdefaults__ or {}).values(), *given):
            self._note({"a default": value}, "a default")
        self._look_at(owner, seen)

    def _note(self, space: Any, name: str) -> None:
        """Note a variable, and what code reads of its value."""
        value = space.get(name, _MISSING)
        self._read.append((space, name, _as_it_is(value)))
        self._waiting.append((self._look_through, value))

    def _look_through(self, value: Any, seen: set) -> None:
        if isinstance(value, Tensor):
            if "grad" in self._names:
                self._gradients.setdefault(id(value), (value, value._grad is None))
        elif isinstance(value, (random.Random, np.random.Generator, np.random.RandomState)):
            self.problem = FOREIGN_NUMBERS
        elif isinstance(value, np.ndarray):
            if value.nbytes > MOST_BYTES or value.dtype.kind not in "biufc":
                self.problem = f"it reads an array of NumPy of shape {value.shape}; make a tensor of it"
        elif _is_short(value):
            items = value.values() if type(value) is dict else value
            self._waiting += [(self._look_through, item) for item in items]
        elif not isinstance(value, PLAIN):
            self._visit(value, seen)
            if not isinstance(value, FunctionType):
                self._look_at(value, seen)

    def _look_at(self, thing: Any, seen: set) -> None:
        """Note the attributes of an object that code reads, by their names, and the methods that it calls."""
        if thing is None or id(thing) in seen:
            return
        if id(thing) in self._guarded and _is_of_library(type(thing).__module__):
            return
        seen.add(id(thing))
        if isinstance(thing, ModuleType) and _is_of_library(thing.__name__):
            return
        space = getattr(thing, "__dict__", None)
        if space is not None:
            self._look_into(space, self._names)
            self._read += [(space, name, _MISSING) for name in sorted(self._texts - space.keys())]
        for registry in REGISTRIES if isinstance(thing, Module) else ():
            registered = thing.__dict__.get(registry, {})
            if isinstance(thing, CONTAINERS):  # what is in it is read without a name
                self._note(space, registry)
            elif self._names & registered.keys():
                self._read.append((space, registry, registered))
                self._look_into(registered, self._names)
        for kind in () if isinstance(thing, (type, ModuleType)) else type(thing).__mro__:
            if _is_of_library(kind.__module__) or kind is object:
                continue
            for name in self._names & kind.__dict__.keys():
                value = kind.__dict__[name]
                if isinstance(value, MemberDescriptorType):  # of __slots__
                    self._note(_Attributes(thing, name), name)
                    continue
                if space is not None and name not in space:
                    self._read.append((space, name, _MISSING))  # it would hide that of the class
                self._visit_method(value, thing)
            self._look_into(kind.__dict__, self._names)
            for name in filter(_is_special, kind.__dict__):
                self._read.append((kind.__dict__, name, kind.__dict__[name]))
                self._visit_method(kind.__dict__[name], thing)
        if isinstance(thing, type):
            for base in thing.__mro__[1:-1]:
                if not _is_of_library(base.__module__):
                    self._look_into(base.__dict__, self._names)
            # it may be called
            for made_by in (thing.__new__, getattr(thing, "__init__")):  # noqa: B009 (mypy)
                self._waiting.append((self._visit, made_by))

    def _visit_method(self, value: Any, thing: Any) -> None:
        """Note what a method, or the reader of an attribute, reads."""
        value = value.fget if isinstance(value, property) else value
        if isinstance(value, FunctionType):
            self._waiting.append((self._visit, MethodType(value, thing)))
        elif isinstance(reader := getattr(type(value), "__get__", None), FunctionType):
            self._waiting.append((self._visit, MethodType(reader, value)))

    def _look_into(self, space: Any, names: frozenset[str]) -> None:
        for name in sorted(names & space.keys()):
            self._note(space, name)


def foreign_random_state() -> tuple:
    """That of the generators of Python and of NumPy which every function can reach."""
    state: Any = np.random.get_state()  # noqa: NPY002 (it is what a user's function may draw from)
    return random.getstate(), state[1].tobytes(), state[2:]


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


def _codes(code: CodeType) -> list[CodeType]:
    """A code, and those of the functions inside of it."""
    inside = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [code, *(each for one in inside for each in _codes(one))]


def _names(code: CodeType) -> set[str]:
    """The names of variables that code reads."""
    return {name for each in _codes(code) for name in each.co_names}


def _texts(code: CodeType) -> set[str]:
    """The names by which code may ask for attributes, as ``hasattr`` does."""
    if _READ_BY_TEXT.isdisjoint(_names(code)):
        return set()
    constants = [constant for each in _codes(code) for constant in each.co_consts]
    constants += [item for constant in constants if isinstance(constant, tuple) for item in constant]
    words = {word for text in constants if isinstance(text, str) for word in text.split(".")}
    return set(filter(str.isidentifier, words))


def _is_special(name: str) -> bool:
    """Whether code can call a method of this name without saying it, such as ``__getitem__``."""
    return name.startswith("__") and name.endswith("__") and name not in _NOT_IN_STEPS


def _wrapped(function: Any) -> Any:
    """What functools.wraps noted; not by getattr, as an object may make up any attribute."""
    return getattr_static(function, "__wrapped__", None)


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
    return type(value) in (list, tuple, dict, set, frozenset) and len(value) <= MOST_ITEMS


def _as_it_is(value: Any) -> Any:
    """What ``_is_same`` compares with later."""
    if _is_short(value):
        return _Items(value)
    return _Values(value) if isinstance(value, np.ndarray) and value.nbytes <= MOST_BYTES else value


class _Values:
    """An array of NumPy as it was."""

    def __init__(self, array: np.ndarray) -> None:
        self.copy = array.copy()

    def is_same(self, value: Any) -> bool:
        """Whether ``value`` is an array of the same values."""
        return (
            isinstance(value, np.ndarray)
            and (value.dtype, value.shape) == (self.copy.dtype, self.copy.shape)
            and value.tobytes() == self.copy.tobytes()
        )


class _Items:
    """A list, tuple, dict or set as it was."""

    def __init__(self, value: Any, depth: int = 0) -> None:
        self.kind = type(value)
        items = value.items() if self.kind is dict else enumerate(value)
        inner = {k: _Items(v, depth + 1) if _is_short(v) and depth < 4 else v for k, v in items}
        self.items: list = list(inner.items() if self.kind is dict else inner.values())

    def is_same(self, value: Any) -> bool:
        """Whether ``value`` has the same items."""
        if type(value) is not self.kind or len(value) != len(self.items):
            return False
        if self.kind in (set, frozenset):
            return value == set(self.items)
        if self.kind is dict:
            return all(k in value and _is_same(value[k], item) for k, item in self.items)
        return all(map(_is_same, value, self.items))


def _is_same(found: Any, value: Any) -> bool:
    if type(value) in (_Items, _Values):
        return value.is_same(found)
    return is_equal(found, value)
