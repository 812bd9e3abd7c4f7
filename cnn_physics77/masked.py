"""``torch.masked``: operations on the elements that a mask selects. This module re-exports.

A mask is an argument of each function. PyTorch's class of tensors that carry their mask is left out.
"""

from cnn_physics77 import _lacking, _places
from cnn_physics77.core.operations.masked.reductions import *
from cnn_physics77.core.operations.masked.rows import *


def is_masked_tensor(obj: object) -> bool:
    """Whether it is a tensor that carries a mask: no, as there is none."""
    return False


_places.settle(globals())

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "MaskedTensor as_masked_tensor masked_tensor",
    "no tensors that carry a mask; give the mask to the functions of torch.masked",
)
