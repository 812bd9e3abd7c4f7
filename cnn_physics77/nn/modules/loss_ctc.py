"""The loss of label sequences, which PyTorch has in ``torch.nn.modules.loss``."""

from cnn_physics77 import _places
from cnn_physics77.core.layers import loss_ctc as _code
from cnn_physics77.core.layers.loss_ctc import *

_places.settle(globals(), _code)
