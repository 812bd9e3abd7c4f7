"""``torch.ops``: operations by name: those of ``torch.library.custom_op``. PyTorch's own, in ``aten``, can be
named, and raise when they are called.

>>> import cnn_physics77 as torch
>>> torch.ops.aten.clone.default
<cnn_physics77 has no torch.ops.aten.clone.default: nothing is dispatched; call torch.clone>
"""

from __future__ import annotations

from typing import Any

from cnn_physics77._lacking import Lacking


class _Operation(Lacking):
    """An operation, or one form of it: ``aten.clone``, ``aten.clone.default``."""

    def __init__(self, name: str) -> None:
        super().__init__(name, f"nothing is dispatched; call torch.{name.split('.')[3].rstrip('_')}")

    def __getattr__(self, name: str) -> _Operation:
        if name.startswith("__"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return _Operation(f"{self.__name__}.{name}")


class _Library:
    """PyTorch's own operations, ``aten``; there are no others."""

    def __getattr__(self, name: str) -> _Operation:
        if name.startswith("__"):
            raise AttributeError(f"torch.ops.aten has no operation {name!r}")
        return _Operation(f"torch.ops.aten.{name}")


class _Namespace:
    """Operations of ``custom_op``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, name: str) -> Any:
        from cnn_physics77.library import operations

        if name.startswith("__"):  # copying asks for them before there is a name
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        if f"{self.name}::{name}" not in operations:
            raise AttributeError(f"torch.ops.{self.name} has no operation {name!r}")
        return operations[f"{self.name}::{name}"]


def __getattr__(name: str) -> Any:
    from cnn_physics77.library import operations

    if not any(known.startswith(f"{name}::") for known in operations):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _Namespace(name)


aten = _Library()
load_library = Lacking("torch.ops.load_library", "there is no machine code")
