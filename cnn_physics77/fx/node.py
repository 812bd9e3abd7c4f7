"""``torch.fx.node``: nothing is traced here; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "Node map_aggregate map_arg",
    "there is no graph of a program here; walk a result's grad_fn instead",
)
