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

import dis
import os
import random
import sys
from collections.abc import Callable, Iterable
from functools import partial
from inspect import getattr_static
from types import CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

from cnn_physics77.compile.capture.tree import is_equal
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
_OF_PYTHON = os.path.dirname(os.__file__)
_READ_BY_TEXT = {"getattr": 2, "hasattr": 2, "attrgetter": 1}  # and which argument is the text
_READ_AS_A_WHOLE = {"vars", "dir", "__dict__", "asdict", "astuple"}
_CATCH = {"AttributeError", "Exception", "BaseException", "suppress"}
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
        self._all = False  # whether some code computes names, so that it may read any attribute
        self._gradients: dict[int, tuple[Tensor, bool]] = {}  # whether there were none when a call began
        self._guarded: set[int] = set()  # modules whose attributes are guarded elsewhere, by id
        # what is looked at next, and by which method: a list, as chains of objects may be long
        self._waiting: list[tuple[Callable, Any]] = []
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
        """Look at everything again until no further name is found, as a new one may be that of an attribute
        of an object that was seen before."""
        known = None
        while known != (self._names, self._texts, self._all):
            known, self._read = (self._names, self._texts, self._all), []
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
                values += [item[1] if value.pairs else item for item in value.items]
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
        wrapped = _wrapped(function)
        if not isinstance(function, FunctionType):
            function = wrapped
        elif wrapped is not None:  # a decorator's function reads too
            self._waiting.append((self._visit, wrapped if owner is None else MethodType(wrapped, owner)))
        if not isinstance(function, FunctionType) or (id(function), id(owner)) in seen:
            return
        seen.add((id(function), id(owner)))
        if _is_of_library(function.__globals__.get("__name__")):
            return
        code, of_python = function.__code__, _is_of_python(function)
        texts = frozenset(_texts(code))
        names = texts.union(_names(code))
        self._texts |= texts
        self._names |= names
        self._all |= not of_python and any(map(_computes_names, _codes(code)))
        if not of_python:  # whose variables do not change
            self._look_into(function.__globals__, names)
            missing = sorted(_globals(code) - function.__globals__.keys())  # of builtins, or none
            self._read += [(function.__globals__, name, _MISSING) for name in missing]
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

    def _is_read_as_a_whole(self, thing: Any) -> bool:
        """Whether code that computes the names of attributes may read any of an object."""
        if isinstance(thing, Module):
            return id(thing) not in self._guarded
        return not isinstance(thing, (type, ModuleType)) and not _is_of_library(type(thing).__module__)

    def _note_items(self, space: Any, name: str, items: dict) -> None:
        """Note all that a dictionary has, and what code reads of it; large arrays are compared as objects."""
        self._read.append((space, name, _Items(items)))
        self._waiting += [
            (self._look_through, value) for value in items.values() if not isinstance(value, _FOREIGN)
        ]

    def _look_through(self, value: Any, seen: set) -> None:
        """Look at a value of any kind: the items of a short list or dict, a function, an object."""
        if isinstance(value, Tensor):
            if "grad" in self._names:
                self._gradients.setdefault(id(value), (value, value._grad is None))
        elif isinstance(value, _RANDOM):
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
            if self._all and self._is_read_as_a_whole(thing):
                self._note_items(_Attributes(thing, "__dict__"), "__dict__", dict(space))
        for registry in REGISTRIES if isinstance(thing, Module) else ():
            registered = thing.__dict__.get(registry, {})
            if id(thing) in self._guarded:
                self._look_into(registered, self._names)
            else:  # it may be walked through
                self._note_items(thing.__dict__, registry, registered)
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
            missing = sorted(self._texts - kind.__dict__.keys())
            self._read += [(kind.__dict__, name, _MISSING) for name in missing]
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
        """Note those of the names that a dict of variables or attributes has."""
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


def _globals(code: CodeType) -> set[str]:
    """The names of variables of its module, or builtins, that code reads."""
    loads = ("LOAD_GLOBAL", "LOAD_NAME")
    return {i.argval for each in _codes(code) for i in dis.get_instructions(each) if i.opname in loads}


def _texts(code: CodeType) -> set[str]:
    """The names by which code may ask for attributes that are not there, as ``hasattr`` does."""
    names = _names(code)
    caught = names if names & _CATCH else set()
    if names.isdisjoint(_READ_BY_TEXT.keys() | _READ_AS_A_WHOLE):
        return caught
    constants = [constant for each in _codes(code) for constant in each.co_consts]
    constants += [item for constant in constants if isinstance(constant, tuple) for item in constant]
    words = {word for text in constants if isinstance(text, str) for word in text.split(".")}
    return caught | set(filter(str.isidentifier, words))


def _computes_names(code: CodeType) -> bool:
    """Whether code reads attributes by names that it does not say, as ``getattr(x, prefix + "y")`` does."""
    names = set(code.co_names)
    if names & _READ_AS_A_WHOLE:
        return True
    if names.isdisjoint(_READ_BY_TEXT):
        return False
    instructions = list(dis.get_instructions(code))
    return any(
        one.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_METHOD")
        and one.argval in _READ_BY_TEXT
        and not _is_constant(instructions[place + 1 :], _READ_BY_TEXT[one.argval])
        for place, one in enumerate(instructions)
    )


def _is_constant(instructions: list[dis.Instruction], argument: int) -> bool:
    """Whether an argument of the function that has been pushed onto Python's stack is a constant."""
    depth, maker = 0, ""  # the number of arguments there, and what made this one
    for one in instructions:
        if one.is_jump_target and depth == argument:  # one of several
            maker = ""
        if one.opname.startswith(("PRECALL", "CALL")) and depth - (one.arg or 0) <= 0:
            return maker == "LOAD_CONST"
        depth += dis.stack_effect(one.opcode, one.arg, jump=False)
        if depth < 0:  # it is not called here
            return False
        if depth == argument:
            maker = one.opname
    return False


def _is_special(name: str) -> bool:
    """Whether code can call a method of this name without saying it, such as ``__getitem__``."""
    return name.startswith("__") and name.endswith("__") and name not in _NOT_IN_STEPS


def _wrapped(function: Any) -> Any:
    """What functools.wraps noted; not by getattr, as an object may make up any attribute."""
    return getattr_static(function, "__wrapped__", None)


def _is_of_python(function: FunctionType) -> bool:
    """Whether a function is of Python's own modules; its ``__module__`` may be what a decorator copied."""
    space = function.__globals__
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


def _is_short(value: Any) -> bool:
    return type(value) in (list, tuple, dict, set, frozenset) and len(value) <= MOST_ITEMS


def _as_it_is(value: Any, depth: int = 0) -> Any:
    """What ``_is_same`` compares with later."""
    if _is_short(value) and depth < 5:
        return _Items(value, depth)
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
        self.kind, self.pairs = type(value), isinstance(value, dict)
        items = value.items() if self.pairs else enumerate(value)
        inner = {k: _as_it_is(v, depth + 1) for k, v in items}
        self.items: list = list(inner.items() if self.pairs else inner.values())

    def is_same(self, value: Any) -> bool:
        """Whether ``value`` has the same items, in the same order if it has one."""
        if type(value) is not self.kind or len(value) != len(self.items):
            return False
        if self.kind in (set, frozenset):
            return value == set(self.items)
        if self.pairs:
            both = zip(value.items(), self.items)
            return all(k == key and _is_same(v, item) for (k, v), (key, item) in both)
        return all(map(_is_same, value, self.items))


def _is_same(found: Any, value: Any) -> bool:
    if type(value) in (_Items, _Values):
        return value.is_same(found)
    return is_equal(found, value)
