"""Classes and functions that a file may use although it is read as data: what the user has declared safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cnn_physics77.core.pytorch_names import ours, theirs

SafeGlobal = Callable | tuple[Callable, str]
_safe: list[SafeGlobal] = []


def add_safe_globals(safe_globals: Iterable[SafeGlobal]) -> None:
    """Let :func:`load` make objects of these classes, and call these functions, where a file says so.

    Args:
        safe_globals: classes and functions; ``(class, "module.Name")`` for one that files know by another
            name. What a file then runs is their code: constructors, ``__setstate__``.

    Raises:
        TypeError: something else.

    >>> import cnn_physics77 as torch, io
    >>> from cnn_physics77.serialization import safe_globals
    >>> file = io.BytesIO()
    >>> torch.save({"length": torch.Generator}, file)
    >>> _ = file.seek(0)
    >>> with safe_globals([torch.Generator]):
    ...     torch.load(file)["length"] is torch.Generator
    True
    """
    for entry in safe_globals:
        named = isinstance(entry, tuple) and len(entry) == 2 and type(entry[1]) is str
        if not named and not hasattr(entry, "__qualname__"):
            raise TypeError(
                "add_safe_globals: expected a list of classes and functions, or of (class, 'module.Name'), "
                f"found {entry!r}"
            )
        if entry not in _safe:
            _safe.append(entry)


def get_safe_globals() -> list[SafeGlobal]:
    """What :func:`add_safe_globals` has got so far."""
    return list(_safe)


def clear_safe_globals() -> None:
    """Forget all that :func:`add_safe_globals` has got."""
    _safe.clear()


class safe_globals:
    """A context in which :func:`add_safe_globals` holds; see there."""

    def __init__(self, safe_globals: Iterable[SafeGlobal]) -> None:
        self.safe_globals = list(safe_globals)

    def __enter__(self) -> None:
        self._before = get_safe_globals()
        add_safe_globals(self.safe_globals)

    def __exit__(self, *error: Any) -> None:
        _safe[:] = [entry for entry in _safe if entry in self._before or entry not in self.safe_globals]


def by_name() -> dict[str, Any]:
    """What is safe, by the names in files. A class of this package also has PyTorch's name."""
    found = {}
    for entry in _safe:
        if isinstance(entry, tuple):
            found[entry[1]] = entry[0]
            continue
        name = f"{entry.__module__}.{entry.__qualname__}"
        found |= {name: entry, theirs(name): entry, ours(name) or name: entry}
    return found


__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "safe_globals"]
