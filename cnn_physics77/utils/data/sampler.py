"""``torch.utils.data.sampler``: the order in which a loader visits a data set."""

from cnn_physics77 import _places
from cnn_physics77.core.loading import sampler as _code
from cnn_physics77.core.loading.sampler import *

_places.settle(globals(), _code)
