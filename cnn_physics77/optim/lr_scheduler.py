"""``torch.optim.lr_scheduler``: learning rate schedulers."""

from cnn_physics77 import _places
from cnn_physics77.core.optim import lr_scheduler as _code
from cnn_physics77.core.optim.lr_cycle import *
from cnn_physics77.core.optim.lr_plateau import *
from cnn_physics77.core.optim.lr_scheduler import *
from cnn_physics77.core.optim.lr_scheduler import LRScheduler as _LRScheduler  # its name until PyTorch 2.0
from cnn_physics77.core.optim.lr_sequence import *

_places.settle(globals(), _code)
