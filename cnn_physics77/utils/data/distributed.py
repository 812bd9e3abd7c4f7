"""``torch.utils.data.distributed``: one process's share of a data set."""

from cnn_physics77.core.loading.distributed import DistributedSampler

__all__ = ["DistributedSampler"]
