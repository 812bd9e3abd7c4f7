"""``torch.quasirandom``: points that fill a cube evenly. This module re-exports."""

from cnn_physics77 import _places
from cnn_physics77.core.operations.creation.sobol import SobolEngine

__all__ = ["SobolEngine"]

_places.settle(globals())
