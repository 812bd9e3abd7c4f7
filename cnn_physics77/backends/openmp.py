"""``torch.backends.openmp``: OpenMP is not used."""


def is_available() -> bool:
    """Whether the package uses it: no."""
    return False


__all__ = [
    "is_available",
]
