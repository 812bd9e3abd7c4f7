"""``torch.utils.data.dataloader``: the loader."""

from cnn_physics77 import _places
from cnn_physics77.core.loading import loader as _code
from cnn_physics77.core.loading.collate import default_collate, default_convert
from cnn_physics77.core.loading.loader import DataLoader
from cnn_physics77.core.loading.workers import get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

_places.settle(globals(), _code)
