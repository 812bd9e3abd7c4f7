"""``torch.jit``: nothing is compiled. What is scripted or traced runs as the Python that it is.

>>> import cnn_physics77 as torch
>>> @torch.jit.script
... def double(x):
...     return 2 * x
>>> double(torch.ones(2))
tensor([2., 2.])
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, Final

from cnn_physics77 import _lacking


def is_scripting() -> bool:
    """Whether the code is being compiled: no."""
    return False


def is_tracing() -> bool:
    """Whether the code is being traced: no."""
    return False


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """The function, class or module itself."""
    return obj


def trace(func: Any, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The function or module itself. It is not run, and keeps its branches and loops, unlike a trace."""
    return func


def freeze(mod: Any, *args: Any, **kwargs: Any) -> Any:
    """The module itself; PyTorch refuses one in training mode, and so does this.

    Raises:
        RuntimeError: the module is in training mode.
    """
    if getattr(mod, "training", False):
        raise RuntimeError(
            "jit.freeze: expected a module in evaluation mode, found one in training mode; call eval() first"
        )
    return mod


optimize_for_inference = freeze


def export(fn: Callable) -> Callable:
    """The method itself: a decorator."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function itself: a decorator, with or without arguments."""
    return drop if callable(drop) else export


def unused(fn: Callable) -> Callable:
    """The function itself: a decorator."""
    return fn


_overload = _overload_method = unused


def script_if_tracing(fn: Callable) -> Callable:
    """The function itself: a decorator."""
    return fn


script_method = _overload_method = export
_script_if_tracing = script_if_tracing


def isinstance(obj: Any, target_type: Any) -> bool:
    """Python's ``isinstance``."""
    return builtins.isinstance(obj, target_type)


def annotate(the_type: Any, the_value: Any) -> Any:
    """The value itself."""
    return the_value


def trace_module(mod: Any, inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The module itself; see :func:`trace`."""
    return mod


class Error(RuntimeError):
    """PyTorch's compiler raises it; nothing here does."""


class TracerWarning(Warning):
    """PyTorch's tracer gives it; nothing here does."""


__all__ = [
    "Error",
    "Final",
    "TracerWarning",
    "annotate",
    "export",
    "freeze",
    "ignore",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "optimize_for_inference",
    "script",
    "script_if_tracing",
    "script_method",
    "trace",
    "trace_module",
    "unused",
]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "load save ScriptModule ScriptFunction RecursiveScriptClass fork wait",
    "nothing is compiled here; save the state_dict by torch.save",
)
