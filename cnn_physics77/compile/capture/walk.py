"""The walk from a function through all that its code can read.

The walk goes from thing to thing. What is noted of a thing, and where the walk goes on from there, depends on
what it is: :data:`KINDS` is the table. Code is not run for it: its names say what it reads, see
:mod:`.names`.
"""

from __future__ import annotations

import gc
import io
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Set
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cmp_to_key, partial
from inspect import CO_VARARGS, CO_VARKEYWORDS
from itertools import chain
from operator import attrgetter, methodcaller
from pathlib import Path
from sys import modules
from types import (
    BuiltinMethodType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any
from weakref import ProxyTypes, ref

import numpy as np

from cnn_physics77.compile.capture.belonging import (
    classes_of_user,
    is_changeable,
    is_metaclass_of_user,
    is_of_library,
    is_of_python,
    wrapped_in,
)
from cnn_physics77.compile.capture.names import (
    codes_in,
    computes_names,
    globals_in,
    imports_in,
    line_of,
    names_in,
    texts_in,
)
from cnn_physics77.compile.capture.places import MOST_BYTES, PLAIN, Places
from cnn_physics77.compile.capture.snapshots import CONTAINERS, Attribute, Held, Result, parts_of
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.registration import REGISTRIES
from cnn_physics77.core.operations.base.function import Function
from cnn_physics77.core.tensor import Tensor

MOST_LOOKS = 200_000  # at objects: a second of time
FOREIGN_NUMBERS = "it draws random numbers of Python's or NumPy's; draw them by torch.rand"
_NOT_IN_STEPS = {
    *("__init__", "__new__", "__init_subclass__", "__del__", "__dict__", "__weakref__", "__doc__"),
    *("__module__", "__repr__", "__str__", "__format__", "__dir__", "__annotations__"),
    *("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__copy__", "__deepcopy__"),
    "__static_attributes__",
}
"""Special names of a class that code does not use when it only uses an object."""
_FUNCTIONS = (FunctionType, MethodType, partial)
_OF_SETTINGS = ("get_", "is_", "are_")  # names of functions of the package that read them
_MORE = CO_VARARGS | CO_VARKEYWORDS
_RANDOM = (random.Random, np.random.Generator, np.random.RandomState)
_OF_PYTHON: Any = random.random.__self__  # type: ignore[attr-defined]
_OF_NUMPY: Any = np.random.rand.__self__  # type: ignore[attr-defined]


@dataclass
class Names:
    """The names that the code of all functions says.

    Attributes:
        all: of variables and attributes.
        of_user: those that Python's own functions do not say.
        missing: those that need not be there, as for ``hasattr``.
        computed: whether some code computes names, so that it may read any attribute.
    """

    all: frozenset[str] = frozenset()
    of_user: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    computed: bool = False

    def add(self, code: CodeType, of_python: bool) -> frozenset[str]:
        """Add those of a code, and return them."""
        texts = texts_in(code, source=not of_python)
        names = texts.union(names_in(code))
        self.missing |= texts
        self.all |= names
        if not of_python:
            self.of_user |= names
            self.computed |= any(map(computes_names, codes_in(code)))
        return names


class Walk:
    """One walk, with the names that are known when it begins and those that it finds.

    Args:
        guarded: the modules, by id, whose attributes are guarded elsewhere.

    Attributes:
        places: what has been noted.
        modules: those of layers that were found, by id.
        leaves: the tensors, by id, whose gradients may be asked for.
        problem: why the function cannot be captured; "" for nothing.
    """

    def __init__(self, names: Names, guarded: Collection[int]) -> None:
        self.names, self._guarded = names, guarded
        self.places = Places()
        self.modules: dict[int, Module] = {}
        self.leaves: dict[int, Tensor] = {}
        self.problem = ""
        # a list, as chains of objects may be long: what is looked at next, and the function and name by which
        # it was found
        self._waiting: list[tuple[Any, tuple[CodeType | None, str]]] = []
        self._from: tuple[CodeType | None, str] = (None, "")
        self._seen: dict[tuple[int, ...], tuple] = {}  # things by their ids, which they keep
        self._kinds: dict[int, Callable[[Walk, Any], None]] = {}  # by the id of a class
        self._class_spaces: dict[int, Any] = {}

    def run(self, functions: Iterable[Callable], arguments: Iterable[Any]) -> None:
        """Go from here as far as code can get."""
        for place, value in enumerate(arguments):
            self._note({f"argument {place}": value}, f"argument {place}")
        self._go_on(functions)
        looks = 0
        while self._waiting and not self.problem:
            thing, self._from = self._waiting.pop()
            self._look(thing)
            looks += 1
            if looks > MOST_LOOKS:
                self._refuse(f"it can reach more than {looks - 1} objects", "give it those that it needs")
            elif self.places.problem:
                self._refuse(self.places.problem, "give it those that it needs")
        self.places.finish()

    def _refuse(self, what: str, way_out: str) -> None:
        """What has been found cannot be captured."""
        code, name = self._from
        named = f" by the name {name!r}" if name else ""
        if code is not None:
            named += f" in {code.co_name}, at {Path(code.co_filename).name}:{line_of(code, name)}"
        self.problem = self.problem or f"{what}{',' if named else ''}{named}; {way_out}"

    def _go_on(self, things: Iterable[Any]) -> None:
        """Look at these later."""
        self._waiting += [(thing, self._from) for thing in things]

    def _look(self, thing: Any) -> None:
        """Note what code reads of a thing, in the way of its kind."""
        kind = type(thing)
        if kind in PLAIN:
            return
        look = self._kinds.get(id(kind))
        if look is None:
            look = next(look for kinds, look in KINDS if issubclass(kind, kinds))
            self._kinds[id(kind)] = look
        look(self, thing)

    def _is_new(self, *things: Any) -> bool:
        """Whether these have not been looked at together."""
        key = tuple(map(id, things))
        return key not in self._seen and bool(self._seen.setdefault(key, things))

    def _note(self, space: Any, name: str) -> None:
        """Note what is in a place, and go on with it."""
        if self.places.note_value(space, name):
            code, latest = self._from
            is_said = code is None or name in code.co_names or name in code.co_freevars
            self._waiting.append((space.get(name, None), (code, name if is_said else latest)))

    def _note_named(self, space: Any, names: Set[str]) -> None:
        """Note those of the names that a dict of variables or attributes has."""
        for name in sorted(names & space.keys()):
            self._note(space, name)

    def _note_all(self, space: Any, name: str, items: dict) -> None:
        """Note all that a dict has, and go on with it; large arrays are compared as objects."""
        self.places.note_items(space, name, items)
        self._go_on(value for value in items.values() if not isinstance(value, (np.ndarray, *_RANDOM)))

    def _of_class(self, kind: type) -> Any:
        """The attributes of a class: the same object each time."""
        return self._class_spaces.setdefault(id(kind), kind.__dict__)

    # -------------------------------------------------------------------------------- values and containers

    def _tensor(self, tensor: Tensor) -> None:
        if "grad" in self.names.all:
            self.leaves[id(tensor)] = tensor

    def _generator(self, generator: Any) -> None:
        """Those that every function can reach are compared, see ``foreign_random_state``."""
        if generator is not _OF_PYTHON and generator is not _OF_NUMPY:
            self._refuse("it may draw random numbers of Python's or NumPy's", "draw them by torch.rand")

    def _array(self, array: np.ndarray) -> None:
        if array.nbytes > MOST_BYTES or array.dtype.kind not in "biufc":
            self._refuse(f"it reads an array of NumPy of shape {array.shape}", "make a tensor of it")

    def _iterator(self, iterator: Iterator) -> None:
        """One that code of the user's takes on is an object."""
        kind = type(iterator)
        if isinstance(kind.__next__, FunctionType) and not is_of_library(kind.__module__):
            self._object(iterator)
        else:
            self._refuse(f"it reads a {kind.__name__}, which goes on", "call next() outside")

    def _container(self, container: Any) -> None:
        if container is modules or not self._is_new(container):
            return
        self._go_on(parts_of(container)[1])
        if type(container) not in CONTAINERS:
            self._attributes(container)

    def _weak(self, reference: ref) -> None:
        self._note(Result(reference, reference), "()")

    def _proxy(self, proxy: Any) -> None:
        with suppress(ReferenceError):  # it is gone
            self._go_on([proxy.__repr__.__self__])

    def _context(self, variable: ContextVar) -> None:
        self._note(Result(variable.get, variable), "()")

    def _getter(self, getter: attrgetter | methodcaller) -> None:
        """It says the names that it was made with when it is copied."""
        made: Any = getter.__reduce__()[1]
        self.names.all |= {name for text in made if isinstance(text, str) for name in text.split(".")}

    # -------------------------------------------------------------------------------------------- functions

    def _bound(self, method: Any) -> None:
        """A method of a list or dict, say."""
        self._note(Attribute(method, "__self__"), "__self__")

    def _holder(self, thing: Any) -> None:
        """What calls a function that it does not name."""
        for place in range(len(gc.get_referents(thing))):
            self._note(Held(thing, place), f"part {place} of a {type(thing).__name__}")

    def _memory(self, view: memoryview) -> None:
        self._note(Attribute(view, "obj"), "obj")

    def _partial(self, made: partial) -> None:
        for name in ("args", "keywords"):
            self._note(Attribute(made, name), name)
        self._go_on([made.func])
        self._object(made)

    def _static(self, method: staticmethod | classmethod) -> None:
        self._go_on([method.__func__])

    def _method(self, method: MethodType) -> None:
        function, owner = method.__func__, method.__self__
        if isinstance(function, FunctionType):
            self._function(function, owner)
        else:
            self._go_on([function, owner])

    def _function(self, function: FunctionType, owner: Any = None) -> None:
        """A function, which may be called as the method of an object."""
        wrapped = wrapped_in(function)
        if wrapped is not None:  # a decorator's function reads too
            self._go_on([wrapped if owner is None else MethodType(wrapped, owner)])
        if not self._is_new(function, owner):
            return
        if is_of_library(function.__globals__.get("__name__")):
            self._function_of_library(function, owner)
            return
        code, variables = function.__code__, function.__globals__
        of_python = is_of_python(variables)
        if not (of_python or "site-packages" in code.co_filename):
            self._from = code, ""
        names = self.names.add(code, of_python)
        if not of_python:  # whose variables do not change
            self._note_named(variables, names)
            self._note_named(modules, imports_in(code, variables.get("__package__")))
            self.places.note_missing(variables, globals_in(code) - variables.keys())  # of builtins, or none
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            self._note(Attribute(cell, "cell_contents"), name)
        self.places.note(Attribute(function, "__code__"), "__code__", code)
        for name in ("__defaults__", "__kwdefaults__"):
            self._note(Attribute(function, name), name)
        self._attributes(function)
        if owner is not None:
            self._go_on([owner])

    def _function_of_library(self, function: FunctionType, owner: Any) -> None:
        """What it may call, as a function that ``vmap`` made, or the setting that it reads."""
        for cell in function.__closure__ or ():
            inner = Attribute(cell, "cell_contents").get("", None)
            if callable(inner) and (
                isinstance(inner, _FUNCTIONS) or not is_of_library(type(inner).__module__)
            ):
                self._go_on([inner])
        code = function.__code__
        if code.co_name.startswith(_OF_SETTINGS) and not (code.co_argcount or code.co_flags & _MORE):
            setting = function()
            if isinstance(setting, PLAIN):
                self.places.note(Result(function, function), f"{code.co_name}()", setting)
        if owner is not None and not isinstance(owner, Module):
            self._go_on([owner])

    # ------------------------------------------------------------------------- objects, classes and modules

    def _object(self, thing: Any) -> None:
        """An object of any other class."""
        wrapped = wrapped_in(thing)
        if wrapped is not None:  # that of functools.lru_cache, say
            self._go_on([wrapped])
        self._attributes(thing)

    def _module(self, module: ModuleType) -> None:
        """A module of Python."""
        variables = vars(module)
        if not (is_of_library(module.__name__) or is_of_python(variables)):
            self._attributes(module)
        elif self._is_new(module):
            for name in sorted(self.names.all & variables.keys()):
                value = variables[name]
                if name in self.names.of_user and not is_of_library(module.__name__):  # os.environ, say
                    self._note(variables, name)
                    continue
                self.places.note(variables, name, value)
                if isinstance(value, (FunctionType, ModuleType)):
                    self._go_on([value])

    def _class(self, kind: type) -> None:
        if not self._is_new(kind, "made"):
            return
        self._attributes(kind)
        self._note_lookups(kind)
        for base in classes_of_user(kind):
            whole = issubclass(kind, Function)  # the engine calls its methods
            names = frozenset(base.__dict__) if whole else self.names.all | {"__class_getitem__"}
            self._note_named(self._of_class(base), names)
        self._go_on(
            made_by  # it may be called
            for made_by in (kind.__new__, getattr(kind, "__init__"))  # noqa: B009 (mypy)
            if isinstance(made_by, FunctionType)
        )

    def _module_of_layers(self, module: Module) -> None:
        """Its attributes, and what is registered in it."""
        if id(module) in self._guarded and is_of_library(type(module).__module__):
            return
        if not self._is_new(module, "registered"):
            return
        self.modules[id(module)] = module
        self._attributes(module)
        for registry in REGISTRIES:
            registered = module.__dict__.get(registry, {})
            if id(module) in self._guarded:
                self._note_named(registered, self.names.all)
            else:  # it may be walked through
                self._note_all(module.__dict__, registry, registered)

    def _attributes(self, thing: Any) -> None:
        """Those that code reads by their names, and the methods that it calls."""
        if not self._is_new(thing, "attributes"):
            return
        kind, space = type(thing), Attribute(thing, "__dict__").get("", None)
        of_library = is_of_library(kind.__module__)
        if space is not None:
            self._note_named(space, self.names.all)
            self.places.note_missing(space, self.names.missing - space.keys())
            if self._is_read_as_a_whole(thing):
                self._note_all(Attribute(thing, "__dict__"), "__dict__", space)
        if isinstance(thing, (type, ModuleType)) and not is_metaclass_of_user(kind):
            return
        if is_changeable(kind):
            self.places.note(Attribute(thing, "__class__"), "__class__", kind)
            self._note_lookups(kind, space)
            if space is not None and of_library:  # it may call what it was given
                self._note_named(space, {k for k, v in space.items() if isinstance(v, _FUNCTIONS)})
            for each in classes_of_user(kind):
                self._attributes_of_class(each, thing)

    def _is_read_as_a_whole(self, thing: Any) -> bool:
        """Whether code that is not looked into, or that computes names, may read any attribute."""
        if isinstance(thing, Module):
            return self.names.computed and id(thing) not in self._guarded
        if type(thing).__module__.partition(".")[0] == "numpy":  # a polynomial, say
            return not isinstance(thing, (type, ModuleType, np.ufunc))
        return (
            self.names.computed
            and not isinstance(thing, (type, ModuleType))
            and not is_of_library(type(thing).__module__)
        )

    def _attributes_of_class(self, kind: type, thing: Any) -> None:
        """Those of one of the classes of an object."""
        space = self._of_class(kind)
        for name in self.names.all & space.keys():
            if isinstance(space[name], MemberDescriptorType):  # of __slots__
                self._note(Attribute(thing, name), name)
            else:
                self._method_of_class(space[name], thing)
        self._note_named(space, self.names.all)
        self.places.note_missing(space, self.names.missing - space.keys())
        for name in filter(_is_special, space):
            self.places.note(space, name, space[name])
            self._method_of_class(space[name], thing)

    def _method_of_class(self, value: Any, thing: Any) -> None:
        """A method, or the reader of an attribute."""
        if isinstance(value, property):
            self._go_on([MethodType(value.fget, thing)] if value.fget else [])
        elif isinstance(value, (staticmethod, classmethod)):
            self._go_on([value])
        elif isinstance(value, FunctionType):
            self._go_on([MethodType(value, thing)])
        elif isinstance(reader := getattr(type(value), "__get__", None), FunctionType):
            self._go_on([MethodType(reader, value)])

    def _note_lookups(self, kind: type, space: dict | None = None) -> None:
        """Note where the names that code reads are found among the attributes of a class, also one of the
        package, and that those which are asked before, as that of an object of it, do not have them."""
        spaces = [self._of_class(k) for k in kind.__mro__ if is_changeable(k)]
        for name in self.names.all.intersection(*[chain.from_iterable(spaces)]):
            if space is not None:
                self.places.note_missing(space, {name} - space.keys())
            for has in spaces:
                if name in has:
                    self.places.note(has, name, has[name])
                    break
                self.places.note_missing(has, {name})


KINDS: tuple[tuple[type | tuple[type, ...], Callable[[Walk, Any], None]], ...] = (
    (Tensor, Walk._tensor),
    (Module, Walk._module_of_layers),
    (FunctionType, Walk._function),
    (MethodType, Walk._method),
    (type, Walk._class),
    (ModuleType, Walk._module),
    (np.ndarray, Walk._array),
    (_RANDOM, Walk._generator),
    (io.IOBase, Walk._object),  # a file is an iterator, which is written to
    (ProxyTypes, Walk._proxy),
    (Iterator, Walk._iterator),
    (CONTAINERS, Walk._container),
    ((BuiltinMethodType, MethodWrapperType), Walk._bound),
    ((attrgetter, methodcaller), Walk._getter),
    ((np.ufunc, type(cmp_to_key(max))), Walk._holder),
    (memoryview, Walk._memory),
    (partial, Walk._partial),
    ((staticmethod, classmethod), Walk._static),
    (ref, Walk._weak),
    (ContextVar, Walk._context),
    (object, Walk._object),
)
"""What the walk does with a thing of a class: the first that fits."""


def _is_special(name: str) -> bool:
    """Whether code can call a method of this name without saying it, such as ``__getitem__``."""
    return name.startswith("__") and name.endswith("__") and name not in _NOT_IN_STEPS
