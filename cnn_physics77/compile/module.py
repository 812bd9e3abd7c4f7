"""``torch.compile(module)``: a module whose calls are captured."""

from __future__ import annotations

from typing import Any

from cnn_physics77.compile.function import CompiledFunction
from cnn_physics77.compile.replay.program import Program
from cnn_physics77.core.layers.module import Module


class OptimizedModule(Module):
    """A module that calls another one, its submodule ``_orig_mod``, and captures the calls.

    Its parameters, attributes and mode are those of the other; the names in its ``state_dict`` begin with
    ``_orig_mod.``, as in PyTorch.

    >>> import cnn_physics77 as torch
    >>> model = torch.compile(torch.nn.Linear(3, 2))
    >>> list(model.state_dict()), model.in_features
    (['_orig_mod.weight', '_orig_mod.bias'], 3)
    """

    _orig_mod: Module

    def __init__(self, module: Module, fullgraph: bool = False, lanes: str | int = "threads") -> None:
        super().__init__()
        self._orig_mod = module
        self.forward = CompiledFunction(module.__call__, fullgraph, type(module).__name__, lanes)

    @property
    def program(self) -> Program:
        """The program of the latest capture."""
        return self.forward.program  # type: ignore[attr-defined]

    @property
    def training(self) -> bool:
        """Whether the module is in training mode."""
        return self._orig_mod.training

    @training.setter
    def training(self, value: bool) -> None:
        if "_orig_mod" in self.__dict__.get("_modules", ()):
            self._orig_mod.training = value

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":
            return super().__getattr__(name)
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_orig_mod", "forward") or hasattr(type(self), name):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        if name in self.__dict__:
            super().__delattr__(name)
        else:
            delattr(self._orig_mod, name)

    def __len__(self) -> int:
        return len(self._orig_mod)

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: Any) -> Any:
        return self._orig_mod[index]  # type: ignore[index]

    def __iter__(self) -> Any:
        return iter(self._orig_mod)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._orig_mod)})

    def __reduce__(self) -> tuple:
        forward: Any = self.forward
        return OptimizedModule, (self._orig_mod, forward.fullgraph, forward.lanes)


def compile_in_place(module: Module, fullgraph: bool, lanes: str | int) -> None:
    """Capture the calls of this module itself from now on."""
    module.forward = CompiledFunction(module.forward, fullgraph, type(module).__name__, lanes)
