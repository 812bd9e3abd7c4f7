"""``torch.utils.data.distributed``: one process's share of a data set."""

from cnn_physics77 import _places
from cnn_physics77.core.loading import distributed as _code
from cnn_physics77.core.loading.distributed import DistributedSampler

__all__ = ["DistributedSampler"]

_places.settle(globals(), _code)
