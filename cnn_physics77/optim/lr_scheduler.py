"""``torch.optim.lr_scheduler``: schedules of the learning rate."""

from cnn_physics77.core.optim.lr_cycle import *
from cnn_physics77.core.optim.lr_plateau import *
from cnn_physics77.core.optim.lr_scheduler import *
from cnn_physics77.core.optim.lr_sequence import *
