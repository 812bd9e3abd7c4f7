"""One framework each, behind one class. Load an adapter only in a process that runs its framework."""

import importlib

from .base import Adapter


def load(name: str) -> Adapter:
    """Import the framework of this name (a key of `results.FRAMEWORKS`) and return its adapter."""
    return importlib.import_module(f"{__name__}.{name}").ADAPTER
