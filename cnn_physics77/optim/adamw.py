"""``torch.optim.adamw``: :class:`AdamW`."""

from cnn_physics77.core.optim.adam import AdamW

__all__ = ["AdamW"]
