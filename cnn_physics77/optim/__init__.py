"""``torch.optim``: optimizers, and schedulers of their learning rates."""

from cnn_physics77.core.optim import *
from cnn_physics77.optim import lr_scheduler
