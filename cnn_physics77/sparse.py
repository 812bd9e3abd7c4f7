"""``torch.sparse``: sums, softmax and products of sparse tensors. This module re-exports.

The only sparse layout is that of coordinates: CSR, CSC, BSR and BSC are left out.
"""

from cnn_physics77 import _places
from cnn_physics77.core.operations.linalg.matmul import mm
from cnn_physics77.core.operations.sparse.creation import sparse_coo_tensor
from cnn_physics77.core.operations.sparse.reductions import log_softmax, softmax, sum

# PyTorch's older constructors. As there, the dtype is that of the values.
FloatTensor = DoubleTensor = sparse_coo_tensor

__all__ = ["DoubleTensor", "FloatTensor", "log_softmax", "mm", "softmax", "sum"]

_places.settle(globals())
