"""What PyTorch calls the derivative of a function that is made of several operations here."""

from __future__ import annotations

from cnn_physics77.core.autograd import Node, node_of
from cnn_physics77.core.tensor import Tensor


def named(result: Tensor, name: str) -> Tensor:
    """The result; its ``grad_fn``, the last of its operations, has PyTorch's name: "MseLossBackward0", say.

    The result is new: not an input that is returned as it is.
    """
    if result.edge is not None:
        node = node_of(result.edge)
        if isinstance(node, Node):
            node.title = name
    return result


__all__ = ["named"]
