"""Errors of functions that are made of other functions name the one that the user called."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from cnn_physics77.core.errors import ArgumentError, DtypeError, RangeError, ShapeError

P = ParamSpec("P")
R = TypeVar("R")


def in_own_name(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: an error that another function raised inside, "sub: expected ...", begins with the name of
    this one.

    >>> @in_own_name
    ... def lerp(a, b):
    ...     raise ShapeError("sub: expected shapes that broadcast")
    >>> lerp(1, 2)
    Traceback (most recent call last):
    cnn_physics77...ShapeError: lerp: expected shapes that broadcast
    """

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (ShapeError, DtypeError, ArgumentError, RangeError) as error:
            inner, colon, rest = str(error).partition(": ")
            if colon and inner.replace(".", "").replace("_", "").isalnum():
                error.args = (f"{function.__name__}: {rest}",)
            raise

    return called
