"""``torch.fx``: nothing is traced here; importing works, using raises."""

from collections.abc import Callable
from typing import Any

from cnn_physics77 import _lacking
from cnn_physics77.core.layers.module import Module

_REASON = "there is no graph of a program here; walk a result's grad_fn instead"


def wrap(fn_or_name: str | Callable) -> str | Callable:
    """The function itself, or its name: a decorator of what a trace is to keep as one call."""
    return fn_or_name


class GraphModule(Module):
    """A module made of a graph. Raises NotImplementedError, as there is none; libraries derive classes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise _lacking.LackingError(f"cnn_physics77 has no torch.fx.GraphModule: {_REASON}")


__all__ = ["GraphModule", "wrap"]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "Graph Interpreter Node Proxy Tracer Transformer replace_pattern symbolic_trace",
    _REASON,
)
