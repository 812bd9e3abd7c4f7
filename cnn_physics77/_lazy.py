"""Attributes of a facade that are imported when they are first asked for (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from cnn_physics77 import _places


def table(package: str, names: Mapping[str, str]) -> dict[str, str]:
    """The module of each name, from the names of each module of a package, separated by blanks.

    >>> table("os", {"path": "join split"})
    {'join': 'os.path', 'split': 'os.path'}
    """
    return {name: f"{package}.{module}" for module, given in names.items() for name in given.split()}


def attributes(
    namespace: dict[str, Any], modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a facade.

    Args:
        namespace: the facade's ``globals()``, which keep what was imported.
        modules: the module of each attribute, or of each submodule the facade's own name.

    >>> here = {"__name__": "collections"}
    >>> get, names = attributes(here, {"abc": "collections", "sqrt": "math"})
    >>> get("sqrt")(4.0), get("abc").__name__
    (2.0, 'collections.abc')
    >>> names(), sorted(here)
    (['__name__', 'abc', 'sqrt'], ['__name__', 'abc', 'sqrt'])
    """
    facade = namespace["__name__"]

    def __getattr__(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {facade!r} has no attribute {name!r}")
        if modules[name] == facade:
            found = import_module(f"{facade}.{name}")
        else:
            found = getattr(import_module(modules[name]), name)
            _places.settle({"__name__": facade, name: found})
        namespace[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*namespace, *modules})

    return __getattr__, __dir__
