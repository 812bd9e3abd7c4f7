"""``torch.utils.data.dataset``: data sets."""

from cnn_physics77 import _places
from cnn_physics77.core.loading import dataset as _code
from cnn_physics77.core.loading.dataset import *

_places.settle(globals(), _code)
