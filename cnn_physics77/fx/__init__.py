"""``torch.fx``: nothing is traced here; importing works, using raises."""

from collections.abc import Callable

from cnn_physics77 import _lacking


def wrap(fn_or_name: str | Callable) -> str | Callable:
    """The function itself, or its name: a decorator of what a trace is to keep as one call."""
    return fn_or_name


__all__ = ["wrap"]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "Graph GraphModule Interpreter Node Proxy Tracer Transformer replace_pattern symbolic_trace",
    "there is no graph of a program here; walk a result's grad_fn instead",
)
