"""Linear algebra, with the names of ``torch.linalg``. This module re-exports."""

from cnn_physics77 import _places
from cnn_physics77.core.operations.linalg.matmul import matmul
from cnn_physics77.core.operations.reduction.var_std_norm import vector_norm

__all__ = ["matmul", "vector_norm"]

_places.settle(globals())
