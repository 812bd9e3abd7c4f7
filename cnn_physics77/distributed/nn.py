"""``torch.distributed.nn``: differentiable sums over processes. There is one: using them raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "all_gather all_reduce all_to_all broadcast gather reduce reduce_scatter scatter",
    "there is one process; ask torch.distributed.is_available() first",
)
