"""Attributes of a facade that are imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from cnn_physics77 import _places


def table(package: str, names: Mapping[str, str]) -> dict[str, str]:
    """The module of each name, from the names of each module of a package, separated by blanks.

    >>> table("os", {"path": "join split"})
    {'join': 'os.path', 'split': 'os.path'}
    """
    return {name: f"{package}.{module}" for module, given in names.items() for name in given.split()}


class _Facade(ModuleType):
    """A module whose ``__dict__`` is complete: who asks for it is shown what is loaded late, too."""

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        held = present(self)
        for name in tuple(held["_late_names"]):
            getattr(self, name)
        return held

    def __setattr__(self, name: str, value: Any) -> None:
        """A submodule that is imported does not hide the function of its name, ``nn.utils.weight_norm``."""
        held = present(self)
        own = held["__spec__"].name  # as_torch changes __name__
        place = held["_late_names"].get(name, own)
        if not isinstance(value, ModuleType) or place in (own, value.__name__):
            super().__setattr__(name, value)

    def __dir__(self) -> Iterable[str]:
        return present(self)["__dir__"]()


def present(module: ModuleType) -> dict[str, Any]:
    """The attributes that a module has by now, without those that are not loaded yet.

    >>> import cnn_physics77.optim
    >>> present(cnn_physics77.optim)["SGD"].__name__, vars(cnn_physics77.optim)["Rprop"].__name__
    ('SGD', 'Rprop')
    """
    return vars(ModuleType)["__dict__"].__get__(module)


def attributes(
    namespace: dict[str, Any], modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a facade.

    From now on it loads all of its names when it is asked for its ``__dict__``, where scripts look for
    optimizers and models by name.

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
    module = sys.modules[facade]
    if present(module) is namespace:
        namespace["_late_names"] = modules
        module.__class__ = _Facade

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
