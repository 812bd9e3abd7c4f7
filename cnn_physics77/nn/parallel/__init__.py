"""``torch.nn.parallel``: one module on several devices. There is one device, so the module is just called."""

from cnn_physics77.nn.parallel.data_parallel import DataParallel, data_parallel
from cnn_physics77.nn.parallel.distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]
