"""``torch.ops``: operations by the names of PyTorch's dispatcher. Naming one works, calling it raises.

>>> import cnn_physics77 as torch
>>> torch.ops.aten.clone.default
<cnn_physics77 has no torch.ops.aten.clone.default: nothing is dispatched; call torch.clone>
"""

from __future__ import annotations

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


aten = _Library()
load_library = Lacking("torch.ops.load_library", "there is no machine code")
