"""``torch.nn.parallel.distributed``."""

from cnn_physics77.nn.parallel import DistributedDataParallel

__all__ = ["DistributedDataParallel"]
