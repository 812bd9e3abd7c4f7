"""``torch.optim.sgd``: :class:`SGD`."""

from cnn_physics77.core.optim.sgd import SGD

__all__ = ["SGD"]
