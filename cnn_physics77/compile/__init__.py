"""A captured step: ``torch.compile``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

from cnn_physics77.compile.function import CompiledFunction
from cnn_physics77.compile.trace import CaptureError


class _Callable(ModuleType):
    def __call__(self, function: Callable | None = None, *, fullgraph: bool = False):
        if function is None:
            return lambda f: CompiledFunction(f, fullgraph)
        return CompiledFunction(function, fullgraph)


sys.modules[__name__].__class__ = _Callable
__all__ = ["CaptureError", "CompiledFunction"]
