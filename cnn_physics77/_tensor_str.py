"""``torch._tensor_str``: the text of tensors."""

from cnn_physics77.core.printing import _options as PRINT_OPTS
from cnn_physics77.core.printing import _values, set_printoptions
from cnn_physics77.core.tensor import Tensor


def _tensor_str(self: Tensor, indent: int) -> str:
    """The text of the values of a tensor; further lines are indented."""
    return _values(self.array, indent)


__all__ = ["PRINT_OPTS", "set_printoptions"]
