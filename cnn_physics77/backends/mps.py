"""``torch.backends.mps``: Apple's devices, of which there is none."""


def is_available() -> bool:
    """Whether there is a device: no."""
    return False


def is_built() -> bool:
    """Whether the package is built for them: no."""
    return False


__all__ = [
    "is_available",
    "is_built",
]
