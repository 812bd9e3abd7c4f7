"""``torch.optim.lr_scheduler``: learning rate schedulers."""

from cnn_physics77.core.optim.lr_cycle import *
from cnn_physics77.core.optim.lr_plateau import *
from cnn_physics77.core.optim.lr_scheduler import *
from cnn_physics77.core.optim.lr_sequence import *
