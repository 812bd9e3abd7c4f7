"""``torch.compiler``: what a function says to ``torch.compile``."""

from __future__ import annotations

import functools
import sys
from typing import Any

from cnn_physics77.core.layers.module import Module


def is_compiling() -> bool:
    """Whether the code is being compiled: no, a call that is captured runs as the Python that it is."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """A function that always runs as it is: a captured function that calls it runs eagerly too, and says why.
    A decorator, with or without arguments; a module is changed in place.

    >>> import cnn_physics77 as torch
    >>> @torch.compiler.disable
    ... def double(x):
    ...     return 2 * x
    >>> double(torch.ones(2))
    tensor([2., 2.])
    """
    if fn is None:
        return functools.partial(disable, recursive=recursive, reason=reason)
    if isinstance(fn, Module):
        fn.forward = disable(fn.forward, recursive, reason=reason)
        return fn
    why = f"{getattr(fn, '__qualname__', type(fn).__name__)} is excluded by torch.compiler.disable"
    why += f": {reason}" if reason else ""

    @functools.wraps(fn)
    def run(*args: Any, **kwargs: Any) -> Any:
        capturing = sys.modules.get("cnn_physics77.compile.capture.trace")
        trace = capturing and capturing.current.trace
        if trace:
            trace.value_read(why)
        return fn(*args, **kwargs)

    return run


def allow_in_graph(fn: Any) -> Any:
    """The function itself: a decorator."""
    return fn


assume_constant_result = allow_in_graph


def cudagraph_mark_step_begin() -> None:
    """Nothing: there are no CUDA graphs."""


def reset() -> None:
    """Forget what was captured: ``cnn_physics77.compile.reset``."""
    from cnn_physics77.compile import reset as forget

    forget()


__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "reset",
]
