"""``torch.distributed.tensor``: tensors in parts on several processes. There is one: using them raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "DTensor DeviceMesh Partial Placement Replicate Shard distribute_module "
    "distribute_tensor init_device_mesh",
    "there is one process; use the tensor itself",
)
