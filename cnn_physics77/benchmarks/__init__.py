"""The comparison of this package with PyTorch. It needs the packages of the extra ``bench``."""

from importlib.util import find_spec

PACKAGES = ("torch", "matplotlib", "rich", "threadpoolctl", "psutil", "pydantic", "scipy")
"""What comparing needs beside NumPy: the extra ``bench``."""

INSTALL = 'pip install "cnn_physics77[bench]"'
"""What to do where one of them is missing."""

INSTALL_JAX = 'pip install "cnn_physics77[jax]"'
"""What to do where JAX is missing, which the speed suite compares with when it is asked to."""


def complaint() -> str | None:
    """One line that names the packages that are missing, and how to install them; None if all are there."""
    missing = [name for name in PACKAGES if not _found(name)]
    return f"comparing needs {', '.join(missing)}: {INSTALL}" if missing else None


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # a finder may raise it
        return False
