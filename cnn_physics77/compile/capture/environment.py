"""What a function reads besides its arguments: variables of its module and of the functions around it, and
the attributes and items of what it finds there.

A capture fixes what Python computes, so it holds only while these are what they were: tensors the very same,
numbers and texts equal, lists and dicts of the same items.

They are found in the code, which is not run for it. Its names (``co_names``, and texts where ``getattr`` may
ask for them) are looked up wherever the function can get at them: in its module, its closure and its
defaults, in the objects that are there, and so on in the functions that it calls. This is repeated until it
gives no new name, as an object may be handed to a function that reads other attributes than the one that has
it. What comes of it is a list of places, each a dict, a name and a value, which :meth:`Environment.holds`
compares before each replay.
"""

from __future__ import annotations

import io
import os
import random
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextvars import ContextVar
from functools import partial
from inspect import CO_VARARGS, CO_VARKEYWORDS, getattr_static
from itertools import chain
from operator import attrgetter, is_, methodcaller
from types import (
    BuiltinMethodType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any

import numpy as np

from cnn_physics77.compile.capture.names import (
    codes_in,
    computes_names,
    globals_in,
    imports_in,
    names_in,
    texts_in,
)
from cnn_physics77.compile.capture.snapshots import (
    CONTAINERS,
    Attribute,
    Items,
    Result,
    Values,
    is_container,
    is_same_as,
    parts_of,
)
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.registration import REGISTRIES
from cnn_physics77.core.operations.base.function import Function
from cnn_physics77.core.tensor import Tensor

PLAIN = (bool, int, float, complex, str, bytes, type(None))
MOST_LOOKS = 200_000  # at objects: a second of time
MOST_ITEMS = 4096  # of all lists, tuples, dicts and sets together
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
_OF_PYTHON = os.path.dirname(os.__file__)
_FUNCTIONS = (FunctionType, MethodType, partial)
_OF_SETTINGS = ("get_", "is_", "are_")  # names of functions of the package that read them
_MORE = CO_VARARGS | CO_VARKEYWORDS
_CHANGEABLE = 1 << 9  # a flag of classes that are not compiled into Python
_MISSING = object()
_RANDOM = (random.Random, np.random.Generator, np.random.RandomState)
_FOREIGN = (np.ndarray, *_RANDOM)


class Environment:
    """The variables that a function reads, and what they were.

    >>> scale = 2.0
    >>> def scaled(x):
    ...     return x * scale
    >>> __name__ = "script"  # what belongs to the package is not looked into
    >>> seen = Environment(scaled)
    >>> seen.holds()
    True
    >>> scale = 3.0
    >>> seen.changed()
    'scale'
    """

    def __init__(self, function: Callable, arguments: Iterable[Any] = ()) -> None:
        self._read: list[tuple[Any, str, Any]] = []  # where, by what name, and what
        self._names: frozenset[str] = frozenset()  # all that the code of all functions names
        self._texts: frozenset[str] = frozenset()  # those among them that need not be there, as for hasattr
        self._names_of_user: frozenset[str] = frozenset()  # those that Python's own functions do not name
        self._all = False  # whether some code computes names, so that it may read any attribute
        self._gradients: dict[int, tuple[Tensor, bool]] = {}  # whether there were none when a call began
        self._guarded: set[int] = set()  # modules whose attributes are guarded elsewhere, by id
        self._methods: Mapping[str, Any] = {}  # of tensors
        self.modules: dict[int, Module] = {}  # that were found, by id
        # what is looked at next, and by which method: a list, as chains of objects may be long
        self._waiting: list[tuple[Callable, Any]] = []
        self.problem = ""
        self._noted: set = set()  # the places of variables that have been noted
        self._contained: set[int] = set()  # the containers, by id, whose items are compared
        self._items = 0  # of all of them
        self._roots = [function]
        self._arguments = list(arguments)
        self._note_all()

    def add(self, functions: Iterable[Callable], guarded: Iterable[Module]) -> None:
        """Note what more functions read, now that the attributes of some modules are guarded as a whole."""
        self._roots += functions
        self._guarded = set(map(id, guarded))
        self._methods = vars(Tensor)  # now, as those that are rarely used come with their first call
        self._note_all()

    def _note_all(self) -> None:
        """Look at everything again until no further name is found, as a new one may be that of an attribute
        of an object that was seen before."""
        known = None
        while known != (found := (self._names, self._names_of_user, self._texts, self._all)):
            known, self._read = found, []
            self._noted, self._contained, self._items = set(), set(), 0
            seen: set = set()
            self._waiting = []
            for value in self._arguments:
                self._note({"an argument": value}, "an argument")
            self._waiting += [(self._visit, function) for function in self._roots]
            looks = 0
            while self._waiting and not self.problem:
                look, thing = self._waiting.pop()
                look(thing, seen)
                looks += 1
                if looks > MOST_LOOKS:
                    self.problem = f"it can reach more than {looks - 1} objects; give it those that it needs"
        methods = self._methods
        self._read += [(methods, name, methods[name]) for name in sorted(self._names & methods.keys())]
        self._changeable = [value for *_, value in self._read if type(value) in (Items, Values)]
        self._objects = [value.value if type(value) in (Items, Values) else value for *_, value in self._read]

    def tensors(self) -> list[Tensor]:
        """The tensors among them."""
        values = [value for *_, value in self._read]
        for value in values:  # grows meanwhile
            if type(value) is Items:
                values += value.items
        return [value for value in values if isinstance(value, Tensor)]

    def holds(self) -> bool:
        """Whether all of them are what they were, and gradients that are asked for are there, or not."""
        gradients = self._gradients.values()
        return self._are_same() and all((t._grad is None) is none for t, none in gradients)

    def _are_same(self) -> bool:
        """As a rule all are the same objects, which is seen quickly."""
        found = [space.get(name, _MISSING) for space, name, _ in self._read]
        if all(map(is_, found, self._objects)):
            return all(value.is_same(value.value) for value in self._changeable)
        return not self.changed()

    def changed(self) -> str:
        """The name of a variable that is not what it was; "" for none."""
        for space, name, value in self._read:
            if not is_same_as(space.get(name, _MISSING), value):
                return name
        return ""

    def _visit(self, function: Any, seen: set) -> None:
        """Note what a function of the user's reads, and the functions that it can call."""
        owner = None
        if isinstance(function, partial):
            for name in ("args", "keywords"):
                self._note(Attribute(function, name), name)
            function = function.func
        if isinstance(function, (staticmethod, classmethod)):
            function = function.__func__
        if isinstance(function, MethodType):
            owner, function = function.__self__, function.__func__
        elif not isinstance(function, (type, FunctionType)) and not _wrapped(function):
            calls = (kind.__dict__.get("__call__") for kind in type(function).__mro__)
            owner, function = function, next(filter(None, calls), None)
        wrapped = _wrapped(function)
        if not isinstance(function, FunctionType):
            function = wrapped
        elif wrapped is not None:  # a decorator's function reads too
            self._waiting.append((self._visit, wrapped if owner is None else MethodType(wrapped, owner)))
        if not isinstance(function, FunctionType) or (id(function), id(owner)) in seen:
            return
        seen.add((id(function), id(owner)))
        if _is_of_library(function.__globals__.get("__name__")):
            self._visit_of_library(function, owner, seen)
            return
        code, of_python = function.__code__, _is_of_python(function.__globals__)
        texts = texts_in(code, source=not of_python)
        names = texts.union(names_in(code))
        self._texts |= texts
        self._names |= names
        self._all |= not of_python and any(map(computes_names, codes_in(code)))
        if not of_python:  # whose variables do not change
            self._names_of_user |= names
            self._look_into(function.__globals__, names)
            self._look_into(sys.modules, imports_in(code, function.__globals__.get("__package__")))
            missing = sorted(globals_in(code) - function.__globals__.keys())  # of builtins, or none
            self._read += [(function.__globals__, name, _MISSING) for name in missing]
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            self._note(Attribute(cell, "cell_contents"), name)
        self._read.append((Attribute(function, "__code__"), "__code__", function.__code__))
        for name in ("__defaults__", "__kwdefaults__"):
            self._note(Attribute(function, name), name)
        self._look_at(function, seen)
        self._look_at(owner, seen)

    def _visit_of_library(self, function: FunctionType, owner: Any, seen: set) -> None:
        """Note what a function of the package may call, as one of ``vmap``, or the setting that it reads."""
        for cell in function.__closure__ or ():
            inner = Attribute(cell, "cell_contents").get("", None)
            if callable(inner) and (
                isinstance(inner, _FUNCTIONS) or not _is_of_library(type(inner).__module__)
            ):
                self._waiting.append((self._look_through, inner))
        code = function.__code__
        if code.co_name.startswith(_OF_SETTINGS) and not (code.co_argcount or code.co_flags & _MORE):
            setting = function()
            if isinstance(setting, PLAIN):
                self._read.append((Result(function), f"{code.co_name}()", setting))
        if not isinstance(owner, Module):
            self._look_at(owner, seen)

    def _note(self, space: Any, name: str) -> None:
        """Note a variable, and what code reads of its value."""
        place = id(getattr(space, "thing", space)), name
        if place not in self._noted:
            self._noted.add(place)
            value = space.get(name, _MISSING)
            self._read.append((space, name, self._as_it_is(value)))
            self._waiting.append((self._look_through, value))

    def _as_it_is(self, value: Any) -> Any:
        """What ``is_same_as`` compares with later."""
        if isinstance(value, np.ndarray) and value.nbytes <= MOST_BYTES:
            return Values(value)
        if not is_container(value) or id(value) in self._contained:  # in itself, or in several
            return value
        self._contained.add(id(value))
        self._items += len(value)
        if self._items > MOST_ITEMS:
            self.problem = f"it reads {self._items} or more items of lists; give it those that it needs"
            return value
        return self._items_of(value)

    def _items_of(self, value: Any) -> Items:
        keys, items = parts_of(value)
        same = [item if isinstance(item, PLAIN) else self._as_it_is(item) for item in items]
        return Items(value, keys, items, same)

    def _is_read_as_a_whole(self, thing: Any) -> bool:
        """Whether code that computes the names of attributes may read any of an object."""
        if isinstance(thing, Module):
            return id(thing) not in self._guarded
        return not isinstance(thing, (type, ModuleType)) and not _is_of_library(type(thing).__module__)

    def _note_items(self, space: Any, name: str, items: dict) -> None:
        """Note all that a dictionary has, and what code reads of it; large arrays are compared as objects."""
        self._read.append((space, name, self._items_of(items)))
        self._waiting += [
            (self._look_through, value) for value in items.values() if not isinstance(value, _FOREIGN)
        ]

    def _look_through(self, value: Any, seen: set) -> None:
        """Look at a value of any kind: the items of a list or dict, a function, an object."""
        if isinstance(value, Tensor):
            if "grad" in self._names:
                self._gradients.setdefault(id(value), (value, value._grad is None))
        elif isinstance(value, _RANDOM):
            self.problem = FOREIGN_NUMBERS
        elif isinstance(value, np.ndarray):
            if value.nbytes > MOST_BYTES or value.dtype.kind not in "biufc":
                self.problem = f"it reads an array of NumPy of shape {value.shape}; make a tensor of it"
        elif isinstance(value, Iterator) and _goes_on_unseen(value):
            self.problem = f"it reads a {type(value).__name__}, which goes on; call next() outside"
        elif not isinstance(value, PLAIN):
            if is_container(value) and id(value) not in seen:
                self._waiting += [(self._look_through, item) for item in parts_of(value)[1]]
            if type(value) in CONTAINERS:
                seen.add(id(value))
            elif isinstance(value, (BuiltinMethodType, MethodWrapperType)):  # of a list or dict, say
                self._note(Attribute(value, "__self__"), "__self__")
            elif isinstance(value, (attrgetter, methodcaller)):
                self._names |= {name for text in _texts_of(value) for name in text.split(".")}
            elif isinstance(value, (weakref.ref, ContextVar)):
                self._note(Result(value if isinstance(value, weakref.ref) else value.get), "()")
            else:
                self._visit(value, seen)
                self._look_at(value, seen)

    def _look_at(self, thing: Any, seen: set) -> None:
        """Note the attributes of an object that code reads, by their names, and the methods that it calls."""
        if thing is None or id(thing) in seen:
            return
        if id(thing) in self._guarded and _is_of_library(type(thing).__module__):
            return
        seen.add(id(thing))
        if isinstance(thing, Module):
            self.modules[id(thing)] = thing
        if isinstance(thing, ModuleType) and (
            _is_of_library(thing.__name__) or _is_of_python(thing.__dict__)
        ):
            for name in sorted(self._names & vars(thing).keys()):
                value = vars(thing)[name]
                if name in self._names_of_user and not _is_of_library(thing.__name__):  # os.environ, say
                    self._note(vars(thing), name)
                    continue
                self._read.append((vars(thing), name, value))
                if isinstance(value, (FunctionType, ModuleType)):
                    look = self._visit if isinstance(value, FunctionType) else self._look_at
                    self._waiting.append((look, value))
            return
        space = getattr(thing, "__dict__", None)
        if space is not None:
            self._look_into(space, self._names)
            self._read += [(space, name, _MISSING) for name in sorted(self._texts - space.keys())]
            if self._all and self._is_read_as_a_whole(thing):
                self._note_items(Attribute(thing, "__dict__"), "__dict__", space)
        for registry in REGISTRIES if isinstance(thing, Module) else ():
            registered = thing.__dict__.get(registry, {})
            if id(thing) in self._guarded:
                self._look_into(registered, self._names)
            else:  # it may be walked through
                self._note_items(thing.__dict__, registry, registered)
        kinds: list[type] = []
        has_class = not isinstance(thing, (type, ModuleType)) or _is_metaclass_of_user(type(thing))
        if has_class and type(thing).__flags__ & _CHANGEABLE:
            kinds = _changeable_classes(type(thing))
            self._read.append((Attribute(thing, "__class__"), "__class__", type(thing)))
            self._note_lookups(type(thing), space)
            if space is not None and _is_of_library(type(thing).__module__):  # it may call what it was given
                self._look_into(space, frozenset(k for k, v in space.items() if isinstance(v, _FUNCTIONS)))
        for kind in kinds:
            for name in self._names & kind.__dict__.keys():
                value = kind.__dict__[name]
                if isinstance(value, MemberDescriptorType):  # of __slots__
                    self._note(Attribute(thing, name), name)
                    continue
                self._visit_method(value, thing)
            self._look_into(kind.__dict__, self._names)
            missing = sorted(self._texts - kind.__dict__.keys())
            self._read += [(kind.__dict__, name, _MISSING) for name in missing]
            for name in filter(_is_special, kind.__dict__):
                self._read.append((kind.__dict__, name, kind.__dict__[name]))
                self._visit_method(kind.__dict__[name], thing)
        if isinstance(thing, type):
            self._note_lookups(thing)
            for base in _changeable_classes(thing):
                whole = issubclass(thing, Function)  # the engine calls its methods
                self._look_into(base.__dict__, frozenset(base.__dict__) if whole else self._names)
            # it may be called
            for made_by in (thing.__new__, getattr(thing, "__init__")):  # noqa: B009 (mypy)
                self._waiting.append((self._visit, made_by))

    def _note_lookups(self, kind: type, space: dict | None = None) -> None:
        """Note where the names that code reads are found among the attributes of a class, also one of the
        package, and that those which are asked before, as that of an object of it, do not have them."""
        spaces = [k.__dict__ for k in kind.__mro__ if k.__flags__ & _CHANGEABLE]
        for name in self._names.intersection(*[chain.from_iterable(spaces)]):
            if space is not None and name not in space:
                self._read.append((space, name, _MISSING))
            place = next(place for place, has in enumerate(spaces) if name in has)
            self._read += [(has, name, has.get(name, _MISSING)) for has in spaces[: place + 1]]

    def _visit_method(self, value: Any, thing: Any) -> None:
        """Note what a method, or the reader of an attribute, reads."""
        value = value.fget if isinstance(value, property) else value
        if isinstance(value, (staticmethod, classmethod)):
            self._waiting.append((self._visit, value))
        elif isinstance(value, FunctionType):
            self._waiting.append((self._visit, MethodType(value, thing)))
        elif isinstance(reader := getattr(type(value), "__get__", None), FunctionType):
            self._waiting.append((self._visit, MethodType(reader, value)))

    def _look_into(self, space: Any, names: Set[str]) -> None:
        """Note those of the names that a dict of variables or attributes has."""
        for name in sorted(names & space.keys()):
            self._note(space, name)


def foreign_random_state() -> tuple:
    """That of the generators of Python and of NumPy which every function can reach."""
    state: Any = np.random.get_state()  # noqa: NPY002 (it is what a user's function may draw from)
    return random.getstate(), state[1].tobytes(), state[2:]


def _is_special(name: str) -> bool:
    """Whether code can call a method of this name without saying it, such as ``__getitem__``."""
    return name.startswith("__") and name.endswith("__") and name not in _NOT_IN_STEPS


def _wrapped(function: Any) -> Any:
    """What functools.wraps noted; not by getattr, as an object may make up any attribute."""
    return getattr_static(function, "__wrapped__", None)


def _is_of_python(space: dict[str, Any]) -> bool:
    """Whether these are the variables of one of Python's own modules. A function's ``__module__`` would not
    tell: a decorator may have copied it."""
    if str(space.get("__name__")).partition(".")[0] not in sys.stdlib_module_names:
        return False
    path = space.get("__file__") or _OF_PYTHON  # frozen modules have none
    return path.startswith(_OF_PYTHON) and "site-packages" not in path and "dist-packages" not in path


def _is_of_library(name: str | None) -> bool:
    return (name or "").partition(".")[0] in (
        "cnn_physics77",
        "numpy",
        "torch",
    )  # a Tensor says torch in as_torch


def _is_metaclass_of_user(kind: type) -> bool:
    return issubclass(kind, type) and kind.__module__.partition(".")[0] not in sys.stdlib_module_names


def _changeable_classes(kind: type) -> list[type]:
    """Those of the user's that a class is made of."""
    return [k for k in kind.__mro__ if k.__flags__ & _CHANGEABLE and not _is_of_library(k.__module__)]


def _texts_of(getter: attrgetter | methodcaller) -> list[str]:
    """The names that a getter was made with: it says them when it is copied."""
    made: Any = getter.__reduce__()[1]
    return [text for text in made if isinstance(text, str)]


def _goes_on_unseen(value: Iterator) -> bool:
    """Whether no code of the user's says what an iterator does next. Files are written to."""
    kind = type(value)
    own = isinstance(kind.__next__, FunctionType) and not _is_of_library(kind.__module__)
    return not own and not isinstance(value, io.IOBase)
