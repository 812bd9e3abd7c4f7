"""``torch.optim``: optimizers, and schedulers of their learning rates."""

from cnn_physics77.core.optim import *
