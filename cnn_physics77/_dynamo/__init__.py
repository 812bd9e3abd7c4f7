"""``torch._dynamo``: settings of PyTorch's compiler, which are kept and change nothing here.

>>> import cnn_physics77 as torch
>>> torch._dynamo.config.suppress_errors = True
>>> torch._dynamo.config.suppress_errors, torch._dynamo.is_compiling()
(True, False)
>>> del torch._dynamo.config.suppress_errors
"""

from types import SimpleNamespace
from typing import Any

from cnn_physics77 import _lacking
from cnn_physics77._dynamo.eval_frame import OptimizedModule
from cnn_physics77.compiler import allow_in_graph, assume_constant_result, disable, is_compiling, reset

config = SimpleNamespace()


def mark_dynamic(t: Any, index: Any, **bounds: Any) -> None:
    """Nothing: a capture is of one size."""


def graph_break(msg: str = "") -> None:
    """Nothing: there is no graph of the program."""


def mark_static_address(t: Any, guard: bool = True) -> None:
    """Nothing: a capture reads parameters and buffers where they are."""


mark_static = mark_dynamic

__all__ = [
    "OptimizedModule",
    "allow_in_graph",
    "assume_constant_result",
    "config",
    "disable",
    "graph_break",
    "is_compiling",
    "mark_dynamic",
    "mark_static",
    "mark_static_address",
    "reset",
]

__getattr__, __dir__ = _lacking.attributes(
    globals(), "explain export optimize", "nothing is traced; use torch.compile"
)
