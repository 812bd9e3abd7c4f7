"""``torch.mtia``: Meta's accelerators, of which there is none."""


def is_available() -> bool:
    """Whether there is a device: no."""
    return False


def device_count() -> int:
    """The number of devices: 0."""
    return 0


__all__ = ["device_count", "is_available"]
