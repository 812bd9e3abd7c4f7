"""``torch.fx.proxy``: nothing is traced here; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(), "Proxy TraceError", "there is no graph of a program here; walk a result's grad_fn instead"
)
