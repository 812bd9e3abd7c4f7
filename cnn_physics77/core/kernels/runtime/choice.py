"""A choice by value, as a call that an array of another class can take over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


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
