"""``torch.utils.data.dataloader``: the loader."""

from cnn_physics77 import _lacking, _places
from cnn_physics77.core.loading import loader as _code
from cnn_physics77.core.loading.collate import default_collate, default_convert
from cnn_physics77.core.loading.loader import DataLoader
from cnn_physics77.core.loading.workers import get_worker_info
from cnn_physics77.utils.data.dataset import Dataset, IterableDataset
from cnn_physics77.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = [
    "BatchSampler",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
]

_places.settle(globals(), _code)

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "_BaseDataLoaderIter _MultiProcessingDataLoaderIter _SingleProcessDataLoaderIter",
    "the iterator is a generator",
)
