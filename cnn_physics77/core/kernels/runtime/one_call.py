"""Kernels that are functions of NumPy to whoever passes arrays of another class."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent

P = ParamSpec("P")
R = TypeVar("R")


def one_call(kernel: Callable[P, R]) -> Callable[P, R]:
    """Decorator: an array whose class overrides NumPy's functions is given the whole call (NEP 18).
    NumPy does not warn while the kernel runs.

    A kernel that decides by values, such as the choice of a pivot, is so one call of a captured step, and is
    called for each example of a batch. It must return new arrays only.

    >>> @one_call
    ... def double(x):
    ...     return x + x
    >>> class Tracing(np.ndarray):
    ...     def __array_function__(self, function, types, arguments, options):
    ...         return function.__name__
    >>> double(np.ones(1)), double(np.ones(1).view(Tracing))
    (array([2.]), 'double')
    """

    quiet = silent(kernel)

    @wraps(kernel)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        for array in args:
            kind: Any = type(array)
            override = None if kind is np.ndarray else getattr(kind, "__array_function__", None)
            if override is not None and override is not np.ndarray.__array_function__:
                return override(array, called, (kind,), args, kwargs)
        return quiet(*args, **kwargs)

    return called
