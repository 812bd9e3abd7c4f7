"""Whose a module, a class or a function is: the package's, Python's own, or the user's."""

from __future__ import annotations

import os
import sys
from inspect import getattr_static
from typing import Any

_OF_PYTHON = os.path.dirname(os.__file__)
_LIBRARIES = ("cnn_physics77", "numpy", "torch")  # a Tensor says torch in as_torch
_MADE = 1 << 9  # a flag of classes that are made while Python runs
_FIXED = 1 << 8  # a flag of classes that cannot be changed


def is_of_library(name: str | None) -> bool:
    """Whether a module is the package's or NumPy's."""
    return (name or "").partition(".")[0] in _LIBRARIES


def is_of_python(space: dict[str, Any]) -> bool:
    """Whether these are the variables of one of Python's own modules. A function's ``__module__`` would not
    tell: a decorator may have copied it."""
    if str(space.get("__name__")).partition(".")[0] not in sys.stdlib_module_names:
        return False
    path = space.get("__file__") or _OF_PYTHON  # frozen modules have none
    return path.startswith(_OF_PYTHON) and "site-packages" not in path and "dist-packages" not in path


def is_metaclass_of_user(kind: type) -> bool:
    return issubclass(kind, type) and kind.__module__.partition(".")[0] not in sys.stdlib_module_names


def is_changeable(kind: type) -> bool:
    """Whether attributes of a class can be set."""
    return bool(kind.__flags__ & _MADE) and not kind.__flags__ & _FIXED


def classes_of_user(kind: type) -> list[type]:
    """Those of the user's that a class is made of."""
    return [k for k in kind.__mro__ if is_changeable(k) and not is_of_library(k.__module__)]


def wrapped_in(function: Any) -> Any:
    """What functools.wraps noted; not by getattr, as an object may make up any attribute."""
    return getattr_static(function, "__wrapped__", None)
