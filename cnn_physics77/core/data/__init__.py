"""Data files: finding them in folders, and reading them as NumPy arrays."""

from .find import entries, find_idx, subfolders
from .idx import read_idx

__all__ = ["entries", "find_idx", "read_idx", "subfolders"]
