"""Captured calls: ``torch.compile``.

    step = torch.compile(train_step)    # a function, for example a whole step of training
    model = torch.compile(model)        # a module: the forward pass, and the backward pass from its results

The module itself can be called, as the function of that name in PyTorch. The way of a step: a call of a
:mod:`.function` is recorded (:mod:`.capture`), its steps are reduced to those that are needed
(:mod:`.analysis`), put side by side and into memory (:mod:`.schedule`), and made again for other values
(:mod:`.replay`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from cnn_physics77.compile.capture.trace import CaptureError
from cnn_physics77.compile.explain import explain
from cnn_physics77.compile.function import CompiledFunction, reset
from cnn_physics77.compile.module import OptimizedModule, compile_in_place
from cnn_physics77.core.layers.module import Module


class _Callable(ModuleType):
    def __call__(
        self,
        model: Callable | None = None,
        *,
        fullgraph: bool = False,
        dynamic: bool | None = None,
        backend: Any = "inductor",
        mode: str | None = None,
        options: dict[str, Any] | None = None,
        disable: bool = False,
        lanes: str | int = "threads",
    ) -> Any:
        """The function or module, captured and replayed; without one, a decorator.

        The first call of each kind (structure, shapes and dtypes of the arguments) runs as always. The second
        one does too, and its NumPy calls are noted. The third compares a replay of them with the call itself.
        From then on they are replayed, while all that they depend on is as it was.

        Args:
            model: a function or a module.
            fullgraph: what cannot be captured is an error, and not run as always with a warning.
            disable: return the function or module itself.
            dynamic, backend, mode, options: accepted for PyTorch's sake.
            lanes: what works side by side. "threads": those of the pool, on the blocks of the kernels' loops.
                "processes": two processes, each on half of every call that is long enough; the tensors that
                the function uses move into shared memory, as by PyTorch's ``share_memory_()``, so an array
                that ``numpy()`` gave before does not see what changes later, and a forked child that calls
                the function changes the parameters of its parent. Linux and macOS on x86;
                functions whose results cannot be differentiated; threads elsewhere. "auto": these or
                threads, whichever the third call finds to be faster; ``print(step.program)`` says so. 1:
                nothing.

        Raises:
            CaptureError: a replay differs from the call; with ``fullgraph``, something cannot be captured.
            ValueError: ``lanes`` is none of these, or this machine has no processes as lanes.

        >>> import cnn_physics77 as torch
        >>> @torch.compile
        ... def double(x):
        ...     return x + x
        >>> for number in range(4):
        ...     y = double(torch.tensor([1.0, number]))
        >>> y
        tensor([2., 6.])
        >>> len(double.program.steps)
        1
        """
        if model is None:
            return lambda function: self(function, fullgraph=fullgraph, disable=disable, lanes=lanes)
        if disable:
            return model
        if isinstance(model, Module):
            return OptimizedModule(model, fullgraph, lanes)
        return CompiledFunction(model, fullgraph, lanes=lanes)


sys.modules[__name__].__class__ = _Callable
__all__ = ["CaptureError", "CompiledFunction", "OptimizedModule", "explain", "reset"]
