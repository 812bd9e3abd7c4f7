"""``torch.utils``: data."""

from cnn_physics77.utils import data
