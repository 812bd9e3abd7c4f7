"""Reads a pickle as data: nothing in it is imported, and only what a table lists is made.

A pickle is a program for a machine with a stack (:mod:`pickletools` describes it). This machine knows the
instructions that build containers. A name in the pickle is looked up in a table of the caller's and nowhere
else, so whatever the file says, it can call only what is in the table, and what the user has declared safe
(:mod:`.safe_globals`).
"""

from __future__ import annotations

import pickletools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from cnn_physics77.core.errors import CheckpointError
from cnn_physics77.core.safe_globals import by_name


class Known(NamedTuple):
    """What a name stands for: ``make(*args)`` is called where the pickle calls it."""

    name: str
    make: Callable[..., Any]


class Built:
    """Stands for an object until the pickle gives its state."""

    def build(self, state: Any) -> Any:
        """The object."""
        raise NotImplementedError


_PUSHED = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
"""Instructions with a value, which is put on the stack."""

_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
_IGNORED = frozenset({"PROTO", "FRAME", "STOP"})
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_DEEPEST, _LARGEST = 500, 10_000_000
"""Bounds of tuples in tuples: Python hashes them without a limit of its own, until the stack is full."""


class PickleReader:
    """Builds the object of one pickle.

    Args:
        names: what names stand for: :class:`Known`, or a value. What the user has declared safe comes after.
        persistent: the object of a persistent id.

    >>> import pickle
    >>> PickleReader({}).read(pickle.dumps({"a": [1, (2.5, None)]}))
    {'a': [1, (2.5, None)]}
    >>> PickleReader({}).read(pickle.dumps(print))
    Traceback (most recent call last):
        ...
    cnn_physics77.core.errors.CheckpointError: load: expected names of tensors and plain containers, found
    'builtins.print'; nothing of it was run. If you trust it, allow it by
    torch.serialization.add_safe_globals([print]), or the whole file by weights_only=False
    """

    def __init__(self, names: Mapping[str, Any], persistent: Callable[[Any], Any] | None = None) -> None:
        self._names, self._persistent = names, persistent
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._unfinished: dict[int, list[int]] = {}  # by id of what is not built yet: its numbers
        self._safe = by_name()
        self._nested: dict[int, tuple[tuple, int, int]] = {}  # by id: a tuple, its depth, its parts in all

    def read(self, data: bytes) -> Any:
        """The object.

        Raises:
            CheckpointError: an unknown name or instruction.
            Exception: others, if the pickle is damaged.
        """
        for instruction, argument, _ in pickletools.genops(data):
            name = instruction.name
            if name in _PUSHED:
                self._stack.append(argument)
            elif name in _MADE:
                self._stack.append(_MADE[name]())
            elif name in _TUPLES:
                self._stack[-_TUPLES[name] :] = [self._tuple(self._stack[-_TUPLES[name] :])]
            elif name not in _IGNORED:
                do = getattr(self, f"_do_{name.lower()}", None)
                if do is None:
                    raise CheckpointError(
                        f"load: expected instructions that build containers, found {name}; the file is "
                        "no saved data"
                    )
                do(argument)
        if len(self._stack) != 1 or self._marks:
            raise ValueError(f"a pickle that ends with {len(self._stack)} objects")
        return self._stack[0]

    def _since_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    # -------------------------------------------------------------------------------- containers

    def _do_mark(self, _: Any) -> None:
        self._marks.append(len(self._stack))

    def _do_tuple(self, _: Any) -> None:
        self._stack.append(self._tuple(self._since_mark()))

    def _tuple(self, items: Iterable[Any]) -> tuple:
        """A tuple, unless it is nested so deeply, or holds one so often, that no one could look at it."""
        made = tuple(items)
        inner = [self._nested[id(part)] for part in made if id(part) in self._nested]
        depth, size = 1 + max((d for _, d, _ in inner), default=0), len(made) + sum(n for _, _, n in inner)
        if depth > _DEEPEST or size > _LARGEST:
            raise ValueError(f"tuples in tuples, {depth} deep and {size} large")
        self._nested[id(made)] = made, depth, size
        return made

    def _do_list(self, _: Any) -> None:
        self._stack.append(self._since_mark())

    def _do_dict(self, _: Any) -> None:
        items = self._since_mark()
        self._stack.append(dict(zip(items[::2], items[1::2], strict=True)))

    def _do_frozenset(self, _: Any) -> None:
        self._stack.append(frozenset(self._since_mark()))

    def _do_append(self, _: Any) -> None:
        item = self._stack.pop()
        self._of(list).append(item)

    def _do_appends(self, _: Any) -> None:
        items = self._since_mark()
        self._of(list).extend(items)

    def _do_additems(self, _: Any) -> None:
        items = self._since_mark()
        self._of(set).update(items)

    def _do_setitem(self, _: Any) -> None:
        key, value = self._stack[-2:]
        del self._stack[-2:]
        self._of(dict)[key] = value

    def _do_setitems(self, _: Any) -> None:
        items = self._since_mark()
        target = self._of(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[key] = value

    def _of(self, kind: type) -> Any:
        """The object on top of the stack, which must be of this kind."""
        if not isinstance(self._stack[-1], kind):
            raise ValueError(f"a {type(self._stack[-1]).__name__} for a {kind.__name__}")
        return self._stack[-1]

    # ------------------------------------------------------------------------------ stack and memo

    def _do_pop(self, _: Any) -> None:
        self._stack.pop()

    def _do_pop_mark(self, _: Any) -> None:
        self._since_mark()

    def _do_dup(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def _do_put(self, number: int) -> None:
        self._memo[number] = made = self._stack[-1]
        if isinstance(made, Built):
            self._unfinished.setdefault(id(made), []).append(number)

    _do_binput = _do_long_binput = _do_put

    def _do_memoize(self, _: Any) -> None:
        self._do_put(len(self._memo))

    def _do_get(self, number: int) -> None:
        self._stack.append(self._memo[number])

    _do_binget = _do_long_binget = _do_get

    # --------------------------------------------------------------------------- names and objects

    def _do_global(self, text: str) -> None:
        module, _, name = text.partition(" ")
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        found = f"{module}.{name}"
        for known in (self._names, self._safe):
            if found in known:
                self._stack.append(known[found])
                return
        raise CheckpointError(
            f"load: expected names of tensors and plain containers, found {found!r}; nothing of it was run. "
            "If you trust it, allow it by torch.serialization.add_safe_globals("
            f"[{found.removeprefix('builtins.')}]), or the whole file by weights_only=False"
        )

    def _do_stack_global(self, _: Any) -> None:
        module, name = self._stack[-2:]
        del self._stack[-2:]
        self._do_global(f"{module} {name}")

    def _is_safe(self, found: Any) -> bool:
        return any(found is safe for safe in self._safe.values())

    def _do_reduce(self, _: Any) -> None:
        function, args = self._stack[-2:]
        if not isinstance(args, tuple):
            raise ValueError(f"a call with a {type(args).__name__}")
        if isinstance(function, Known):
            made = function.make(*args)
        elif self._is_safe(function):
            made = function(*args)
        else:
            raise ValueError(f"a call of {type(function).__name__}")
        self._stack[-2:] = [made]

    def _do_newobj(self, _: Any) -> None:
        kind, args = self._stack[-2:]
        if isinstance(kind, type) and self._is_safe(kind):
            self._stack[-2:] = [kind.__new__(kind, *args)]
        else:
            self._do_reduce(None)

    def _do_build(self, _: Any) -> None:
        state = self._stack.pop()
        made = self._stack[-1]
        if isinstance(made, Built):
            self._stack[-1] = finished = made.build(state)
            for number in self._unfinished.pop(id(made), ()):
                if self._memo[number] is made:
                    self._memo[number] = finished
        elif type(made) is OrderedDict and isinstance(state, dict) and set(state) <= {"_metadata"}:
            vars(made).update(state)  # of a module's state_dict
        elif self._is_safe(type(made)):
            _set_state(made, state)
        else:
            raise ValueError(f"a state of a {type(made).__name__}")

    def _do_binpersid(self, _: Any) -> None:
        if self._persistent is None:
            raise ValueError("a persistent id")
        self._stack.append(self._persistent(self._stack.pop()))


def _set_state(made: Any, state: Any) -> None:
    """As :mod:`pickle` does it."""
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if attributes:
        vars(made).update(attributes)
    for name, value in (slots or {}).items():
        setattr(made, name, value)


__all__ = ["Built", "Known", "PickleReader"]
