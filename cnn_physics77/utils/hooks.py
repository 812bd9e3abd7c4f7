"""``torch.utils.hooks``: handles of registered hooks."""

from cnn_physics77.core.handles import RemovableHandle

__all__ = ["RemovableHandle"]
