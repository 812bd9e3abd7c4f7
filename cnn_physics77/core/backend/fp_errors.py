"""NumPy's warnings about floating-point errors are off while this package computes.

As in PyTorch, overflow gives inf, an invalid operation gives NaN, and underflow gives 0. The settings of the
caller (:func:`numpy.seterr`, :mod:`warnings`) are neither used nor changed.

Every operation (forward, backward, in place) and every optimizer step enters this state. That is so often
that :class:`numpy.errstate` would slow down small graphs, as it builds the state each time, in a microsecond.
Here the state is built once and put into the context variable that NumPy reads, in a seventh of that time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def _state() -> tuple[Callable[[], Any], Any, Callable[[], Any], Callable[[Any], Any], Callable[..., Any]]:
    with np.errstate(all="ignore"):
        for variable, silence in copy_context().items():
            if variable.name == "numpy.ufunc.extobj":
                context = Context()
                context.run(variable.set, silence)
                return variable.get, silence, partial(variable.set, silence), variable.set, context.run
    # NumPy keeps its state elsewhere
    return np.geterr, object(), partial(np.seterr, all="ignore"), _restore, _call


def _restore(settings: dict[str, Any]) -> None:
    np.seterr(**settings)


def _call(function: Callable[..., R], *args: Any) -> R:
    with np.errstate(all="ignore"):
        return function(*args)


state, SILENCE, enter_silence, restore, call_ufunc = _state()
"""For hot paths: ``before = state()``, then ``if before is not SILENCE: enter_silence()`` in a
``try`` block, and in its ``finally`` clause ``if before is not SILENCE: restore(before)``. So Ctrl-C, which
comes when a function is entered or left, never leaves the state behind.

``call_ufunc(ufunc, *arrays)`` calls it in a context of its own, which costs about a third of entering and
restoring. RuntimeError: the context is in use, by another thread or where a signal handler computes. Other
functions may need the variables of the current context: :func:`silently`."""


def silent(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: NumPy does not warn about division by zero, overflow and the like while the function runs.

    >>> @silent
    ... def divide(a, b):
    ...     return a / b
    >>> with np.errstate(all="raise"):
    ...     print(divide(np.float64(1.0), np.float64(0.0)), np.geterr()["divide"])
    inf raise
    """

    @wraps(function)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> R:
        before = state()
        try:
            if before is not SILENCE:
                enter_silence()
            return function(*args, **kwargs)
        finally:
            if before is not SILENCE:
                restore(before)

    return quiet


@silent
def silently(function: Callable[..., R], *args: Any) -> R:
    """``function(*args)`` without NumPy's warnings.

    >>> with np.errstate(all="raise"):
    ...     silently(np.log, np.zeros(1))
    array([-inf])
    """
    return function(*args)


__all__ = ["SILENCE", "call_ufunc", "enter_silence", "restore", "silent", "silently", "state"]
