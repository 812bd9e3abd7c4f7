"""``torch.distributed.fsdp``: modules in parts on several processes. There is one: using them raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "BackwardPrefetch CPUOffload FSDPModule FullStateDictConfig FullyShardedDataParallel MixedPrecision "
    "MixedPrecisionPolicy ShardingStrategy StateDictType fully_shard",
    "there is one process; use the module itself",
)
