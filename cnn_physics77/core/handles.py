"""Handles of registered hooks: of tensors, modules and optimizers."""

from __future__ import annotations

from collections.abc import Callable


class RemovableHandle:
    """Removes a registered hook: by ``handle.remove()``, or at the end of ``with handle:``."""

    _count = 0

    def __init__(self, hooks: dict, hook: Callable):
        RemovableHandle._count += 1
        self.id = RemovableHandle._count
        self._hooks = hooks
        hooks[self.id] = hook

    def remove(self) -> None:
        """Remove the hook. Idempotent."""
        self._hooks.pop(self.id, None)

    def move_to(self, hooks: dict) -> None:
        """Move the hook to the end of ``hooks``."""
        hook = self._hooks.pop(self.id, None)
        if hook is not None:
            self._hooks = hooks
            hooks[self.id] = hook

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception) -> None:
        self.remove()
