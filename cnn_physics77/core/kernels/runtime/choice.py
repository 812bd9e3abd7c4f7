"""Choices by value, as calls that an array of another class can take over."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from cnn_physics77.core.kernels.runtime.parallel import parallel_for


def either(condition: Any, first: Callable[[], None], other: Callable[[], None]) -> None:
    """``first()`` where the condition is true, else ``other()``.

    Both write the same arrays, and decide nothing more by values. An array of another class gets the call by
    ``__array_function__`` (NEP 18): a capture notes both ways.

    Args:
        condition: a boolean, or an array of one.

    >>> either(np.array(True), lambda: print("first"), lambda: print("other"))
    first
    """
    kind = type(condition)
    if kind is np.bool or kind is bool or kind is np.ndarray:
        first() if condition else other()
    else:
        condition.__array_function__(either, (kind,), (condition, first, other), {})


def nothing() -> None:
    """The way on where there is nothing to do."""


def where_not(conditions: np.ndarray, function: Callable[[int], None], microseconds: float) -> None:
    """``function(i)`` for every i where ``conditions[i]`` is false, in any order, as `parallel_for` calls it.

    Args:
        conditions: (n,) of booleans.
        microseconds: estimated time of all n calls in one thread.

    >>> where_not(np.array([True, False, True]), print, 1)
    1
    """
    if type(conditions) is np.ndarray:
        wanted = np.flatnonzero(~conditions)
        if wanted.size:
            share = microseconds * wanted.size / conditions.size
            parallel_for(lambda block: function(int(wanted[block])), wanted.size, share)
    else:

        def choose(index: int) -> None:
            either(conditions[index, ...], nothing, partial(function, index))

        parallel_for(choose, len(conditions), microseconds)
