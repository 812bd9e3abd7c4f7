"""``torch.distributed.device_mesh``: arrangements of processes. There is one: using them raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "DeviceMesh init_device_mesh",
    "there is one process; ask torch.distributed.is_available() first",
)
