"""``torch.utils.data``: data sets, samplers, the loader."""

from cnn_physics77.core.data import *
