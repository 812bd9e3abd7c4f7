"""``torch.nn.parallel.data_parallel``."""

from cnn_physics77.nn.parallel import DataParallel, data_parallel

__all__ = ["DataParallel", "data_parallel"]
