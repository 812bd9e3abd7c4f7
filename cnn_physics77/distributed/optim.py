"""``torch.distributed.optim``: optimizers of several processes. There is one: using them raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "DistributedOptimizer PostLocalSGDOptimizer ZeroRedundancyOptimizer",
    "there is one process; use the optimizer itself",
)
