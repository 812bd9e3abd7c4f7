"""Linear algebra, with the names of ``torch.linalg``. This module re-exports."""

from cnn_physics77.core.operations.dispersion import vector_norm
from cnn_physics77.core.operations.linalg import matmul

__all__ = ["matmul", "vector_norm"]
