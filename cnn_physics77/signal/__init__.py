"""``torch.signal``: window functions."""

from cnn_physics77.signal import windows

__all__ = ["windows"]
