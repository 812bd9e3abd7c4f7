"""Where public classes and functions say that they are, by ``__module__``: where PyTorch has them.

The name of a class in a message, in a pickle and in help() is then the one by which users import it, and it
does not change when code moves inside `core`. A class keeps its source: `inspect` looks for it in the file of
the module that the class names, so a facade of one file of `core` says that this is its file.
"""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any, get_type_hints

_CORE = "cnn_physics77.core."
_origins: dict[Any, str] = {}


def settle(namespace: dict[str, Any], code: ModuleType | None = None) -> None:
    """Say of the public classes and functions of a facade that they are there, unless another one has.

    Args:
        namespace: the facade's ``globals()``.
        code: the module that holds the source of its classes, if it is one.

    >>> from cnn_physics77 import nn
    >>> nn.Linear.__module__, origin(nn.Linear), nn.functional.relu.__module__
    ('cnn_physics77.nn.modules.linear', 'cnn_physics77.core.layers.linear', 'cnn_physics77.nn.functional')
    """
    for name in namespace.get("__all__") or [n for n in namespace if n[0] != "_"]:
        found = namespace.get(name)
        if isinstance(found, type | FunctionType) and found.__module__.startswith(_CORE):
            _origins[found] = found.__module__
            annotations = vars(found).get("__annotations__") if isinstance(found, type) else None
            if annotations:  # texts, with names of the module of the code
                meant = get_type_hints(found)
                annotations.update({name: meant[name] for name in annotations})
            found.__module__ = namespace["__name__"]
    if code is not None:
        namespace["__file__"] = code.__file__


def origin(found: type | FunctionType) -> str:
    """The module that holds the code of a class or function."""
    return _origins.get(found, found.__module__)
