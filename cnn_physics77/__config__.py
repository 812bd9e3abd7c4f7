"""``torch.__config__``: what the package computes with."""

import os
import platform
import sys

import numpy as np

from cnn_physics77.core.kernels.runtime.pool import get_num_threads


def show() -> str:
    """The versions of NumPy, Python and the machine, as text to print."""
    return (
        f"cnn_physics77, nothing of which is compiled, on\n"
        f"  - NumPy {np.__version__}\n"
        f"  - Python {platform.python_version()}\n"
        f"  - {sys.platform}, {platform.machine()}, USE_CUDA=OFF\n"
    )


def parallel_info() -> str:
    """The number of threads, as text to print."""
    return f"get_num_threads() : {get_num_threads()}\nprocessors : {os.cpu_count()}\n"


__all__ = ["parallel_info", "show"]
