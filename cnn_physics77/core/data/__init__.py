"""Files of data read as NumPy arrays."""

from .idx import read_idx

__all__ = ["read_idx"]
