"""``torch.backends.mkldnn``: oneDNN is not used."""

enabled = True


def is_available() -> bool:
    """Whether the package uses it: no."""
    return False


__all__ = [
    "enabled",
    "is_available",
]
