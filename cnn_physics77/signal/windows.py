"""``torch.signal.windows``: window functions. This module re-exports."""

from cnn_physics77 import _places
from cnn_physics77.core.operations.creation.signal_windows import *

_places.settle(globals())
