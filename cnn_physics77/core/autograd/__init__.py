"""Reverse-mode differentiation: the graph, the backward pass, and what users call.

- :mod:`.graph`: nodes, edges, and :func:`record`, the one place that makes a node.
- :mod:`.engine`: the backward pass.
- :mod:`.execution`: how derivatives are evaluated and gradients added: plain, or fast.
- :mod:`.node_hooks`: hooks around the derivative of a node.
- :mod:`.ownership`: the questions that only the interpreter's reference counts can answer.
- :mod:`.api`: ``backward`` and ``grad``.
"""

from cnn_physics77.core.autograd.api import backward, grad
from cnn_physics77.core.autograd.engine import retaining
from cnn_physics77.core.autograd.execution import Fast, Plain, executed_by
from cnn_physics77.core.autograd.graph import (
    LEAF,
    Node,
    Output,
    Reusable,
    edge_to,
    hooks_of,
    locks,
    node_of,
    record,
    sequence,
    titled,
)

__all__ = [
    "LEAF",
    "Fast",
    "Node",
    "Output",
    "Plain",
    "Reusable",
    "backward",
    "edge_to",
    "executed_by",
    "grad",
    "hooks_of",
    "locks",
    "node_of",
    "record",
    "retaining",
    "sequence",
    "titled",
]
