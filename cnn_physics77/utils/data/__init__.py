"""``torch.utils.data``: data sets, samplers, the loader. The code is in :mod:`cnn_physics77.core.loading`."""

from cnn_physics77 import _places
from cnn_physics77.core.data import read_idx
from cnn_physics77.core.loading import *
from cnn_physics77.utils.data import _utils, dataloader, dataset, distributed, sampler

_places.settle(globals())
