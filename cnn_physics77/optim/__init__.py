"""``torch.optim``: optimizers and learning rate schedulers."""

from cnn_physics77.core.optim import *
from cnn_physics77.optim import lr_scheduler
