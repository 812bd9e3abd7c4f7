"""``torch.backends.opt_einsum``: the package opt_einsum is not used."""

enabled = False
strategy = None


def is_available() -> bool:
    """Whether the package uses it: no."""
    return False


__all__ = [
    "enabled",
    "is_available",
    "strategy",
]
